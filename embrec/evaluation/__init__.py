"""Evaluation: candidates, ranks, metrics, slices and statistics. It knows no training."""
