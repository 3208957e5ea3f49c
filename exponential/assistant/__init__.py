"""Paddy: the agent, its tools, its memory and the durable turns that run it."""
