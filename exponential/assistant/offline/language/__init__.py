"""What words are before they mean anything: their spelling, their language, what a message is likely about."""
