"""A WhatsApp server on loopback with simulated phones, for tests, the demo and benchmarks."""
