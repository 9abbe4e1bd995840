"""Dropped files: cutting, keeping, serving and fetching their chunks, and putting them together again."""
