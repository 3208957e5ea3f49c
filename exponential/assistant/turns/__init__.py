"""Turns: the job queue, running one, what is stored of it, and what those hear who follow it."""
