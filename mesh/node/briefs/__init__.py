"""The brief: what happened and what waits, gathered for whoever begins to work; and its files for those without mesh."""
