"""Files in a conversation: kept, and read as text, pictures or sound."""
