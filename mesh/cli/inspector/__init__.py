"""The full-screen inspector of conflicts: a list, one side by side, the timeline of a document, what was settled.

It asks the agent what the commands ask, and knows nothing that `mesh conflicts` and `mesh history` do not know. Only
this package imports `textual`, and only `mesh inspect` imports this package.
"""
