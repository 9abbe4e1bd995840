"""Notes as ordinary Markdown files: a folder taken in once, or mirrored both ways."""
