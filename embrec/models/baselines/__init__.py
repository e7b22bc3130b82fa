"""What every model must beat: scorers without training."""
