"""Who may talk to the assistant, by the session's policy."""
