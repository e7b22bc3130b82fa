"""Readers of data sources: each returns events and items as they are in the files, before any filter."""
