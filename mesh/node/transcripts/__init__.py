"""Transcripts of this device's sessions, kept for the other devices: reading them without secrets, and keeping them."""
