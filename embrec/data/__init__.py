"""What was seen: catalog, interactions, splits and batches."""
