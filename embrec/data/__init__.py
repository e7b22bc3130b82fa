"""Data sets: import, catalog, interactions, splits and batches."""
