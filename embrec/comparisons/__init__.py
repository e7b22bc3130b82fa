"""Comparisons: variants of a training, or finished runs, measured side by side."""
