"""Meetings: transcripts, their minutes, and finding what was said."""
