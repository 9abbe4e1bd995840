"""What agents of any kind speak with: the Model Context Protocol, on the official SDK, over the agent's own socket."""
