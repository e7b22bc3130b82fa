"""From a batch to the number that is minimised: one file for each way of training."""
