"""Web pages and JSON routes of the app service."""
