"""How a history becomes a score."""
