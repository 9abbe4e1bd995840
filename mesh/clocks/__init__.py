"""Order between events: stamps, chains, frontiers; it looks at no wall clock and needs the standard library only."""
