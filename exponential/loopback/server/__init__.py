"""WhatsApp's side: connections, stanzas, accounts and their devices, faults."""
