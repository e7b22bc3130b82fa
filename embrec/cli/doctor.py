"""`embrec doctor`: what is installed, what is not, and where things lie."""


def doctor() -> None:
    """Print versions, devices, the workspace, what is installed and what each extra would add."""
