"""What the workspace's tests share: accounts and imported transcripts."""
