"""Scenario files, and playing them."""
