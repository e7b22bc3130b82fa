"""Using a trained run: artifact, recommendation and batch scoring."""
