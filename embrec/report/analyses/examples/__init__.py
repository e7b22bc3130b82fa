"""Example users with their recommendations."""
