"""Metrics by the number of events before the target."""
