"""The pages of the simulated phones."""
