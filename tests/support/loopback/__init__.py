"""The real WhatsApp client as a process of its own, for tests of the loopback server."""
