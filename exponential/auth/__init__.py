"""Users, one-time sign-in links, web sessions, and the JWTs between app and gateway."""
