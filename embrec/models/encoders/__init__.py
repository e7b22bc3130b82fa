"""Sequence encoders: from the vectors of a history to its state."""
