"""Objectives: from a batch to the number that is minimised, with one file for each way of training."""
