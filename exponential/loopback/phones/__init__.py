"""Simulated phones: device 0 of each account, with its keys, chats and messages."""
