"""The gateway's HTTP routes, one module per concern; docs/gateway-api.md is the contract."""
