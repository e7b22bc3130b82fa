"""How many processors this process may use, which in a container or under `taskset` are not all that the machine has."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def usable_processors() -> int:
    """Return how many processors this process may use: those it is bound to, and no more than its control groups allow.

    Parts of processors are rounded down, so that no thread waits for a share that is spent; less than one counts as one.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([bound, *_quotas()])))


def _quotas() -> Iterator[float]:
    """Yield the processors that each control group around this process allows (Linux; `docker run --cpus 2`)."""
    for group in _groups():
        for quota in (_quota(group / "cpu.max"), _quota(group / "cpu.cfs_quota_us", group / "cpu.cfs_period_us")):
            if quota is not None:
                yield quota


def _quota(*files: Path) -> float | None:
    """Return the processors that files with a quota and a period allow; None if they are not there or set no limit.

    No limit is "max" in version 2 of control groups, -1 in version 1.
    """
    try:
        quota, period = " ".join(file.read_text() for file in files).split()
        return int(quota) / int(period) if quota != "max" and int(quota) > 0 and int(period) > 0 else None
    except (OSError, ValueError):
        return None


def _groups() -> Iterator[Path]:
    """Yield the folders of this process's control groups, and those of all groups around them.

    A line is `NUMBER:CONTROLLERS:PATH`. Version 2 has one line, without controllers, and one tree of folders; version 1 has a
    tree for each set of controllers (often named after all of them, with links for each). A container may see its own group
    as the root of a tree while the path is that on the machine: then the folder is not there, and the root is what counts.
    """
    try:
        lines = _OWN_GROUP.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        inner = PurePosixPath(path.lstrip("/"))
        for tree in dict.fromkeys((controllers, "cpu") if controllers else ("",)):
            for group in (inner, *inner.parents) if inner.parts else (inner,):
                yield _GROUPS / tree / group
