"""The settings pages, and export of one's own data."""
