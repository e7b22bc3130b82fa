"""Runs: where training and evaluation meet, and what they leave on disk."""
