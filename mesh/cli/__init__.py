"""What a person or an agent types: commands that ask the agent over its socket; it never opens the database on its own."""
