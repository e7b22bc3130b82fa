"""Models that score items by the history of a user."""
