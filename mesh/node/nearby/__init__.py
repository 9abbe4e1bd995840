"""How devices find each other: the beacon as a port, on mDNS and in memory, and where others are. Hints only."""
