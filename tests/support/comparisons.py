"""Comparisons of a small shop: requests, the configurations of their runs, and the files that they leave."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from embrec.comparisons.request import ComparisonRequest
from embrec.comparisons.results import Comparison
from embrec.progress import Progress
from embrec.runs.config import RunConfig
from embrec.runs.folder import RunFolder
from embrec.workspace import Category
from support.categories import SETTINGS
from support.processes import wait_for

FILES = {"results.json", "results.csv", "table.md", "figure.png", "figure.svg"}


def wanted(category: Category, **options) -> ComparisonRequest:
    """A request for an epoch of tiny models of TF-IDF."""
    settings = (*SETTINGS, "model.cell=fast", "training.select_by=auc")
    options = {"features": ["tfidf"], "metrics": ("auc", "hr@20"), "epochs": 1, "settings": settings} | options
    return ComparisonRequest(category, **options)


def row_configs(category: Category, comparison: Comparison) -> dict[str, list[RunConfig]]:
    """The configuration of every run, row -> one a seed."""
    return {row.name: [RunFolder(category.runs / run.name).config() for run in row.runs] for row in comparison.rows}


def changes(*folders: Path) -> dict[Path, int]:
    """Every file of some folders with the time of its last change."""
    return {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


class KilledError(Exception):
    """Stands for a kill between two steps."""


def killed_again_and_again(compare: Callable[[Progress], Comparison], steps: int) -> tuple[Comparison, int]:
    """Kill a comparison after some steps, then after twice as many, and so on until it ends.

    Args:
        compare: makes the comparison with a progress callback.
        steps: number of steps of the first session.

    Returns:
        The finished comparison, and the number of sessions that it took.
    """
    sessions = 0
    while True:
        sessions += 1
        left = steps * sessions

        def kill(task: str, done: int, total: int | None, note: str = "") -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise KilledError

        try:
            return compare(kill), sessions
        except KilledError:
            continue


def killed_and_repeated(run: Callable[..., tuple[int, str, str]], category: Path, *command: str) -> dict:
    """Kill a command that compares, once its first run is finished, and repeat it: no finished run is trained again.

    Args:
        run: runs a command in this process.
        category: folder of the category.
        command: words of the command behind `embrec`.

    Returns:
        The content of `results.json`.
    """

    def finished() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (category / "runs").glob("*/metrics.json")}

    process = subprocess.Popen(
        [sys.executable, "-m", "embrec", *command],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: bool(finished()), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    before = finished()
    (folder,) = (category / "comparisons").iterdir()
    assert not (folder / "results.json").exists()
    code, _, errors = run(*command)
    assert code == 0, errors
    assert finished().items() >= before.items()
    results: dict = json.loads((folder / "results.json").read_text())
    return results
