"""The Model Context Protocol: the workspace as a server, and tools of other servers."""
