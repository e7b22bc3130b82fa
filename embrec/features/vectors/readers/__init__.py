"""Readers of precomputed vectors: one module per file format, each with a function `read`."""
