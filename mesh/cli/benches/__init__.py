"""The yardstick: what `mesh bench` measures, and what it measures beside.

The contenders beside us (a plain-Python floor, JetStream, raw SQLite) live here too: they are small on purpose, share
no code with the rest of mesh but where nats-server is found, and are never imported by it.
"""
