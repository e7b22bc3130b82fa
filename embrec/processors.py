"""The number of usable processors: fewer than the machine has in a container or under `taskset`."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def usable_processors() -> int:
    """Return the number of processors that this process may use: its CPU affinity, limited by the quotas of its cgroups.

    Fractions are rounded down, since a thread beyond the quota would only be throttled; the minimum is 1.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([bound, *_quotas()])))


def _quotas() -> Iterator[float]:
    """Yield the CPU quota, in processors, of each cgroup around this process (Linux; set by `docker run --cpus 2`)."""
    for group in _groups():
        for quota in (_quota(group / "cpu.max"), _quota(group / "cpu.cfs_quota_us", group / "cpu.cfs_period_us")):
            if quota is not None:
                yield quota


def _quota(*files: Path) -> float | None:
    """Return the quota, in processors, of files with a quota and a period; None if they are missing or set no limit.

    No limit is "max" in cgroups v2 and -1 in v1.
    """
    try:
        quota, period = " ".join(file.read_text() for file in files).split()
        return int(quota) / int(period) if quota != "max" and int(quota) > 0 and int(period) > 0 else None
    except (OSError, ValueError):
        return None


def _groups() -> Iterator[Path]:
    """Yield the folders of this process's cgroups and of their parents.

    Each line of the file is `NUMBER:CONTROLLERS:PATH`. Version 2 has one line without controllers and one tree of folders;
    version 1 has a tree for each set of controllers (often named after all of them, with links for each). In a container the
    own group can be the root of the visible tree while the path is the one on the host: that folder then does not exist, and
    the limits are read from the root.
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
