"""The brief: what happened and what waits, gathered for whoever begins to work, as values, words and files."""
