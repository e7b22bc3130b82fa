"""A second process that is in the middle of its work: it waits there until it is told to go on, or is killed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]
_START = """
import sys
from pathlib import Path

waited = False

def pause(*_):
    global waited
    if not waited:
        waited = True
        print("at work", flush=True)
        sys.stdin.readline()

folder = Path(sys.argv[1])
"""


class Paused:
    """A process that was stopped by itself at its first step."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def go_on(self) -> None:
        """Let it end, and wait for that."""
        _, errors = self.process.communicate("\n")
        assert self.process.returncode == 0, errors

    def kill(self) -> None:
        """Kill it as a machine that runs out of memory does."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def paused(program: str, folder: Path) -> Iterator[Paused]:
    """Run a program that has `folder` and gives `pause` as the progress of what it does; yield it at its first step."""
    path = os.pathsep.join([str(_TESTS), str(_TESTS.parent), *sys.path])
    with subprocess.Popen(
        [sys.executable, "-c", _START + program, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first == "at work\n", process.communicate()[1]
        try:
            yield Paused(process)
        finally:
            process.kill()
