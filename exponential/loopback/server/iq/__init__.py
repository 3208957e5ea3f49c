"""What the server answers to a client's IQ stanzas."""
