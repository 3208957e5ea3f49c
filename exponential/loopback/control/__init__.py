"""The control URL: phones and faults by HTTP and JSON."""
