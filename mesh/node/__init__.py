"""The shell: the agent, its adapters and ports, the only place that waits; it never decides what an event means."""
