"""Scorers: how a query and an item vector become a score."""
