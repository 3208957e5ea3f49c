"""WhatsApp's wire, for both ends of it: the linking client (gateway/linking) and the simulated server (loopback)."""
