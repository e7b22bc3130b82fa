"""Runs: training and evaluation of models, and the run folders that they write."""
