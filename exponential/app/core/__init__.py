"""What every page stands on: the service, its state, rendering, security, live updates."""
