"""The demonstration: real agents, real servers and the real commands, on this machine and its loopback only.

Nothing here fakes a step or touches a home of the person; what it makes lies in one folder and is removed at the end.
"""
