"""Item encoders: one file for each way in which an item becomes a vector."""
