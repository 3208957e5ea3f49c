"""The WhatsApp Connection window."""
