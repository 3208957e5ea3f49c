"""The ways in which people write to Paddy and are answered, and what goes out by them."""
