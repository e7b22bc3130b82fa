"""How many processors this process may use, which in a container or under `taskset` are not all that the machine has."""

import os
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def usable_processors() -> int:
    """Return how many processors this process may use: those it is bound to, and no more than its control groups allow."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([bound, *_quotas()])))


def _quotas() -> Iterator[float]:
    """Yield the processors that each control group around this process allows (Linux; `docker run --cpus 2`)."""
    for group in _groups():
        try:
            microseconds, period = (group / "cpu.max").read_text().split()
        except (OSError, ValueError):
            continue
        if microseconds != "max":
            yield int(microseconds) / int(period)


def _groups() -> Iterator[Path]:
    """Yield the folder of this process's control group (version 2) and those of all groups around it."""
    try:
        lines = _OWN_GROUP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        if line.startswith("0::"):
            inner = Path(line.removeprefix("0::").lstrip("/"))
            yield from (_GROUPS / inner, *((_GROUPS / inner).parents[: len(inner.parts)]))
