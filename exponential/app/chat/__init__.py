"""The pages of chats with Paddy."""
