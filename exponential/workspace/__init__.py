"""Tasks (later projects and meetings): models and use-cases. Knows no HTTP and no assistant."""
