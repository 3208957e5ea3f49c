"""Worker processes, which hold the WhatsApp clients, and the supervisor that keeps them running."""
