"""Language models: which one, the way to it, what it used, and summaries made by it."""
