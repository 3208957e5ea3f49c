"""Messages: the inbox with delivery to the app, and the outbox with receipts."""
