"""What leaves a mesh as files, and comes back: bundles of signed events, and plain Markdown and JSON."""
