"""Exponential: talk to Paddy, an AI assistant, from your own WhatsApp."""

__version__ = "0.2.0"
