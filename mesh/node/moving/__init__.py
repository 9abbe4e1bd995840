"""A home as a whole: backed up, restored, moved, left. It never looks into an event."""
