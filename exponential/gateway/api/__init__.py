"""The gateway's HTTP API, one module per concern; docs/gateway-api.md is the contract."""
