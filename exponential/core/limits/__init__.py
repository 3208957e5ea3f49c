"""How much there may be: at once (fair semaphore), and within a time (rate limiter)."""
