"""Ranks, metrics and slices."""
