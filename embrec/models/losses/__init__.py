"""Losses, one a file: the class that configurations name, the formula, and its gradient where it is written by hand."""
