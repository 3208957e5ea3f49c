"""WhatsApp sessions: their rows and states, their contacts, and following what changes in them."""
