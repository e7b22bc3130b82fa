"""Memory use of this process."""

import resource


def peak_memory() -> float:
    """Return the peak resident set size of this process, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB
