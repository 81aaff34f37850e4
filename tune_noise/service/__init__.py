"""A search from start to end."""
