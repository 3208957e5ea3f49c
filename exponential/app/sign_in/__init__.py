"""Signing in, invites, and OpenID Connect."""
