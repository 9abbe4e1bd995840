"""What a person or an agent types: commands that ask the agent.

They reach it over its socket, or open the same agent for one call; the database is never opened beside it.
"""
