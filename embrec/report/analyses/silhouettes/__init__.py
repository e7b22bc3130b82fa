"""Silhouettes of the categories of items in each feature table."""
