"""How well item vectors tell the categories of items apart."""
