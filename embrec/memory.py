"""How much memory a process has taken."""

import resource


def peak_memory() -> float:
    """Return the largest resident set that this process has had since it began, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB
