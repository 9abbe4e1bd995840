"""How devices talk: the bus as a port, on NATS and in memory, the own nats-server, links, TLS. It reads no message."""
