"""Why there are no figures of a peer."""


class PeerError(Exception):
    """One line that stands in the table instead of figures."""


def last_line(text: str) -> str:
    """Return the last line that says something: of a traceback, the error."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("WARNING")]
    return lines[-1][:200] if lines else "it says nothing"
