"""The credential stores of WhatsApp clients: encrypted in the database, in use in memory."""
