"""Order between events: stamps, chains, frontiers; it never looks at a wall clock and needs the standard library only."""
