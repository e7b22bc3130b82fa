"""Baselines: scorers that learn nothing by gradient steps, which every trained model has to beat."""
