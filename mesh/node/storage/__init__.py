"""Where events, views and settings are kept: the store as a port, on SQLite and in memory. It decides nothing."""
