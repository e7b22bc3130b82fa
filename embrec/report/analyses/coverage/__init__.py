"""Catalog coverage of the recommendations by the length of the history."""
