"""Answers to a client's IQ stanzas."""
