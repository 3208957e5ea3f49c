"""What exists only because the client library lacks a switch. Each module says when it can go."""
