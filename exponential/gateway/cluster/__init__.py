"""Gateways on one Postgres: which node holds which session, and how they ask each other."""
