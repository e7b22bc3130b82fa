"""A map of queries and items in two dimensions."""
