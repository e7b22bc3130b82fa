"""Using a trained run: recommendation and batch scoring."""
