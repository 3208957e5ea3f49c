"""Scenario files and their player."""
