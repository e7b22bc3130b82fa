"""Trains SASRec with embrec and with its peers: speed, memory and quality of the same model on the same data, in one table.

All learn from the same events (leave-one-out; the validation item is learned from), a model of 64 dimensions, 2 blocks,
1 head, 50 events, dropout 0.2, with Adam at 1e-3, batches of 128 and cross-entropy over all items, in a process each, one at
a time. Each recommends ten items that the user has not seen to every user, and one function of ours (`quality.py`) judges.

What is measured, by `contract.py` in the peer's process:

- CPU s and wall s an epoch: of the threads of the process, from the end of the first epoch to the end of the last, divided
  by the epochs between; so neither import, reading, building the model nor the first epoch's warm-up count, but making and
  shuffling batches does. With a single epoch, or a part of one at the end, from the beginning of the first.
- targets and updates an epoch: predictions whose loss is taken, and steps of the optimiser. Libraries differ in what an
  epoch is: RecTools and RePlay learn from the last 51 events of each user, 128 users a step; RecBole from all events, 128
  events a step. So quality after the same number of epochs is not quality at the same cost; `us a target` is the CPU time
  of an epoch by its targets.
- peak MB: largest resident set of the process, from import to recommendations.
- import s: of what the runner uses, torch included, with files in memory (all is imported once before).

What is not the same: position encodings, layer normalisation and initialisation are each library's own, and so is the catalog
(RecTools drops items that it has no event of). A peer that fails has its error in the table.

usage: python scripts/benchmarks/peers/compare.py [--data FOLDER] [--set ml-100k] [--epochs 5] [--seeds 1] [--threads 1]
           [--seconds 120] [--only NAME ...] [--json FILE]
Without a folder the MovieLens 100K that RecBole ships is read.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from contract import TOP
from environments import HERE, ROOT, ensure_environment
from errors import PeerError, last_line
from prepare import Prepared, prepare
from quality import quality
from rich.console import Console
from rich.table import Table

SHIPPED = "lib/python*/site-packages/recbole/dataset_example/ml-100k/ml-100k.inter"
PEERS = ("rectools", "replay", "recbole")


class Runner(NamedTuple):
    """A script that follows `contract` and the Python that runs it; `python` may raise PeerError."""

    name: str
    python: Callable[[], Path]
    script: Path


RUNNERS = [
    Runner("embrec", lambda: Path(sys.executable), HERE / "embrec_sasrec.py"),
    Runner("embrec-bfloat16", lambda: Path(sys.executable), HERE / "embrec_sasrec_bfloat16.py"),
    *(Runner(name, lambda name=name: ensure_environment(name), HERE / f"{name}_sasrec.py") for name in PEERS),
]


def compare(
    runners: Sequence[Runner], data: Prepared, *, epochs: int, seeds: int, threads: int, seconds: float, scratch: Path
) -> dict[str, list[dict[str, Any]] | str]:
    """Run all, in turns over seeds.

    Args:
        runners: what to run.
        data: what to learn from and be judged by.
        epochs: of each run.
        seeds: runs of each.
        threads: of each process.
        seconds: after which a slow library may stop inside an epoch; ten minutes later it is stopped.
        scratch: folder for what runners write.

    Returns:
        Name -> one result a seed, or why there is none.
    """
    results: dict[str, list[dict[str, Any]]] = {runner.name: [] for runner in runners}
    failures: dict[str, str] = {}
    for seed in range(-1, seeds):
        for runner in runners:
            if runner.name in failures:
                continue
            folder = scratch / f"{runner.name}-{seed}"
            folder.mkdir(parents=True)
            try:
                if seed < 0:  # which brings the files into memory
                    _execute(runner, ["--only-import"], folder, threads, 600)
                    continue
                print(f"{runner.name}, seed {seed}", file=sys.stderr)
                options = {"train": data.train, "out": folder, "epochs": epochs, "seed": seed, "threads": threads}
                arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
                _execute(runner, [*arguments, "--seconds", str(seconds)], folder, threads, seconds + 600)
                result = json.loads((folder / "result.json").read_text())
                result |= quality(folder / "recommendations.csv", data.targets, data.seen, TOP)
                results[runner.name].append(result)
            except PeerError as failure:
                failures[runner.name] = str(failure)
    return {runner.name: failures.get(runner.name, results[runner.name]) for runner in runners}


def _execute(runner: Runner, arguments: list[str], folder: Path, threads: int, limit: float) -> None:
    """Run a script in a folder of its own, for some leave files where they are run."""
    pools = ("OMP", "MKL", "OPENBLAS", "ARROW", "NUMEXPR")
    environment = os.environ | {f"{pool}_NUM_THREADS": str(threads) for pool in pools}
    environment |= {"ARROW_IO_THREADS": str(threads), "POLARS_MAX_THREADS": str(threads), "CUDA_VISIBLE_DEVICES": ""}
    command = [str(runner.python()), "-E", "-W", "ignore", str(runner.script), *arguments]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            timeout=limit,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise PeerError(f"no result in {limit:.0f} s") from None
    if done.returncode:
        raise PeerError(f"fails: {last_line(done.stderr)}")


def table(results: dict[str, list[dict[str, Any]] | str]) -> Table:
    """Return the table: medians of times and memory, means of quality with the standard deviation over seeds."""
    shown = Table()
    shown.add_column("library", no_wrap=True)
    counts = ("targets\nan epoch", "updates\nan epoch", "us a\ntarget", "peak\nMB")
    for title in ("epochs", "CPU s\nan epoch", "wall s\nan epoch", *counts, f"NDCG@{TOP}", f"HR@{TOP}", "import\ns"):
        shown.add_column(title, justify="right", no_wrap=True)
    shown.add_column("note")
    for name, runs in results.items():
        if isinstance(runs, str):
            shown.add_row(name, *[""] * 10, runs)
            continue
        cpu, targets = _median(runs, "cpu_seconds_per_epoch"), _median(runs, "targets_per_epoch")
        shown.add_row(
            f"{runs[0]['library']} {runs[0]['version']}",
            f"{_median(runs, 'epochs'):.3g}",
            f"{cpu:.2f}",
            f"{_median(runs, 'wall_seconds_per_epoch'):.2f}",
            f"{targets:,.0f}",
            f"{_median(runs, 'updates_per_epoch'):.0f}",
            f"{1e6 * cpu / targets:.0f}",
            f"{_median(runs, 'peak_mb'):.0f}",
            _mean(runs, f"ndcg@{TOP}"),
            _mean(runs, f"hr@{TOP}"),
            f"{_median(runs, 'import_seconds'):.1f}",
            runs[0]["note"],
        )
    return shown


def _median(runs: list[dict[str, Any]], key: str) -> float:
    return statistics.median(run[key] for run in runs)


def _mean(runs: list[dict[str, Any]], key: str) -> str:
    values = [run[key] for run in runs]
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{spread}"


def _events(data: Path | None, name: str) -> Path:
    """Return the file of events: of a folder of real data sets, or what RecBole ships."""
    if data:
        return data / name / "interactions.parquet"
    ensure_environment("recbole")
    return next((ROOT / ".venv-peers" / "recbole").glob(SHIPPED))


def main() -> None:
    """Compare and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of real data sets")
    parser.add_argument("--set", default="ml-100k", help="a folder of it, with interactions.parquet")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=120, help="of training, for a slow library")
    parser.add_argument("--only", nargs="+", choices=[runner.name for runner in RUNNERS])
    parser.add_argument("--json", type=Path, help="write all results there")
    arguments = parser.parse_args()
    runners = [runner for runner in RUNNERS if not arguments.only or runner.name in arguments.only]
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        data = prepare(_events(arguments.data, arguments.set), scratch)
        results = compare(
            runners, data, epochs=arguments.epochs, seeds=arguments.seeds, threads=arguments.threads,
            seconds=arguments.seconds, scratch=scratch,
        )  # fmt: skip
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    Console(width=None if sys.stdout.isatty() else 160).print(table(results))


if __name__ == "__main__":
    main()
