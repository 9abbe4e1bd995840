"""A local-first continuity layer for the devices of one person; importing it never starts, opens or reads anything."""

__version__ = "0.1.0"
