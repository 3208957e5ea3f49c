"""The simulated WhatsApp's state in a folder."""
