"""`embrec train` and `embrec evaluate`."""


def train() -> None:
    """Train a model."""


def evaluate() -> None:
    """Evaluate a run."""
