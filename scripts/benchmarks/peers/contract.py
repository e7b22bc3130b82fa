"""What a runner of the benchmark of peers is given and what it leaves; the model that all train.

A runner is a script of its own, run by the Python of its library's environment, so this module needs the standard library
only. It calls `main` with a function that trains and recommends, and leaves in the folder `--out`:

- `result.json`: "library", "version", "import_seconds" (of what the function uses, torch among it), "epochs" (that were
  trained, fractions where time was up), "first_epoch_seconds", "cpu_seconds_per_epoch" and "wall_seconds_per_epoch",
  "targets_per_epoch" (predictions whose loss is taken), "updates_per_epoch" (of the weights), "parameters", "peak_mb"
  (resident, of the whole process), "note";
- `recommendations.csv`: columns user, item, rank (1 is best), the TOP items a user that the user has not seen.
"""

import argparse
import csv
import importlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

DIM, BLOCKS, HEADS, MAX_LENGTH, DROPOUT = 64, 2, 1, 50, 0.2
BATCH_SIZE, LEARNING_RATE = 128, 1e-3
TOP = 10


@dataclass(frozen=True)
class Task:
    """What to train.

    Attributes:
        train: CSV file of the events to learn from, columns user, item and order (0, 1, ..., the order of all events).
        epochs: number of passes over them.
        seed: of the weights, the order of batches and dropout.
        threads: of torch.
        seconds: after which a slow library may stop inside an epoch.
    """

    train: Path
    epochs: int
    seed: int
    threads: int
    seconds: float


@dataclass
class Clock:
    """Notes time at the beginning of the first epoch and at the end of each."""

    marks: list[tuple[float, float]] = field(default_factory=list)

    def mark(self) -> None:
        """Note processor time (of all threads) and wall time."""
        self.marks.append((time.process_time(), time.perf_counter()))

    def per_epoch(self, epochs: float) -> tuple[float, float]:
        """Return processor and wall seconds an epoch: without the first, which warms up, if there are only whole ones."""
        skipped = int(1 < epochs == len(self.marks) - 1)
        first, last = self.marks[skipped], self.marks[-1]
        return (last[0] - first[0]) / (epochs - skipped), (last[1] - first[1]) / (epochs - skipped)


@dataclass(frozen=True)
class Outcome:
    """What a library did.

    Attributes:
        epochs: that were trained.
        targets: predictions of one epoch whose loss is taken.
        updates: of the weights in one epoch.
        parameters: weights of the model.
        recommendations: triples of user, item and rank.
        note: what differs from the task.
    """

    epochs: float
    targets: int
    updates: int
    parameters: int
    recommendations: Iterable[tuple[str, str, int]]
    note: str = ""


def main(library: str, package: str, modules: Sequence[str], run: Callable[[Task, Clock], Outcome]) -> None:
    """Read the command line, run, and write the two files.

    Args:
        library: its name.
        package: name of its distribution, for the version.
        modules: what `run` imports, to be imported before and timed.
        run: trains and recommends.
    """
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--only-import", action="store_true", help="so that files are in memory when imports are timed")
    arguments = parser.parse_args()
    del sys.argv[1:]  # RecBole reads it, too
    began = time.perf_counter()
    for module in modules:
        importlib.import_module(module)
    import_seconds = time.perf_counter() - began
    if arguments.only_import:
        return
    importlib.import_module("torch").set_num_threads(arguments.threads)
    task = Task(arguments.train, arguments.epochs, arguments.seed, arguments.threads, arguments.seconds)
    clock = Clock()
    outcome = run(task, clock)
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (arguments.out / "recommendations.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("user", "item", "rank"))
        writer.writerows(outcome.recommendations)
    cpu, wall = clock.per_epoch(outcome.epochs)
    result = {
        "library": library,
        "version": version(package),
        "import_seconds": import_seconds,
        "epochs": outcome.epochs,
        "first_epoch_seconds": clock.marks[1][1] - clock.marks[0][1],
        "cpu_seconds_per_epoch": cpu,
        "wall_seconds_per_epoch": wall,
        "targets_per_epoch": outcome.targets,
        "updates_per_epoch": outcome.updates,
        "parameters": outcome.parameters,
        "peak_mb": _peak_mb(),
        "note": outcome.note,
    }
    (arguments.out / "result.json").write_text(json.dumps(result, indent=2) + "\n")


def _peak_mb() -> float:
    """Return the largest resident set of this program; `ru_maxrss` would count what was there before `exec`, too."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) / 1e3 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
