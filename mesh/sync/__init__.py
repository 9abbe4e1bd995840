"""How events travel between devices, as a pure machine; it never waits and never knows what an event means."""
