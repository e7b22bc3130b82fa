"""What processes there are, from /proc, and waiting for them."""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


def children(of: str) -> list[int]:
    """Return the ids of this process's living children whose command line has a word."""
    found: set[int] = set()
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        # A thread may end while the folder is read.
        with suppress(OSError):
            found.update(int(child) for child in (task / "children").read_text().split())
    return sorted(child for child in found if of in command(child))


def command(process: int) -> list[str]:
    """Return the words of a process's command line; none if it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text().split("\0")
    except OSError:
        return []


def wait_until_gone(processes: list[int], seconds: float = 10) -> list[int]:
    """Return those processes that have not ended in time."""
    deadline = time.monotonic() + seconds
    while (left := [process for process in processes if command(process) != [] and command(process) != [""]]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.02)
    return left


def wait_for(condition: Callable[[], bool], process: subprocess.Popen, seconds: float = 300) -> None:
    """Wait until a condition holds while a command is at work; fail if the command ends before, or time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, (process.args, process.returncode, process.communicate()[1])
        assert time.monotonic() < deadline, f"nothing came of {process.args} in {seconds:g} s"
        time.sleep(0.01)


def descendants(word: str, of: int | None = None) -> list["psutil.Process"]:
    """Return the living descendants of a process, of this one if None, whose command line has a word."""
    import psutil

    found = []
    for process in psutil.Process(of).children(recursive=True):
        with suppress(psutil.Error):  # it may end while we look
            if word in " ".join(process.cmdline()):
                found.append(process)
    return found


def kill_one(word: str, of: subprocess.Popen) -> None:
    """Kill a descendant of a command whose command line has a word, as soon as there is one."""
    import psutil

    def kill() -> bool:
        for process in descendants(word, of.pid):
            with suppress(psutil.NoSuchProcess):
                process.kill()
                return True
        return False

    wait_for(kill, of)
