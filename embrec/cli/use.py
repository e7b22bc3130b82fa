"""`embrec recommend` and `embrec score`: using a trained run."""


def recommend() -> None:
    """Recommend items to a user or for a history."""


def score() -> None:
    """Score new items."""
