"""The WhatsApp gateway: linked devices, messages in, messages out. Knows nothing of Paddy."""
