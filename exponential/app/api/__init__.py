"""JSON routes, webhooks and the MCP endpoint: what programs call, not people."""
