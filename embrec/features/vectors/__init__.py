"""Precomputed item vectors, read from files."""
