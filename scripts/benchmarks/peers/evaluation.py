"""Evaluates the same scores with embrec and with its peers: the time from vectors to metrics, and whether these are equal.

Queries and item vectors are made up (normal, a seed); each user has one target and some items that must not be recommended.
Every library gets the same arrays in a process of its own, and computes HR@10, NDCG@10 and MRR@10 by its own means:

- embrec: ranks by counting, and the best 10 (as `embrec evaluate` does);
- RecTools: `TorchRanker` for the best 10, then `calc_metrics` of the tables; its NDCG with `divide_by_achievable`, for by
  default it divides by the gain of ten relevant items where there is one;
- RePlay: the best 10 of each batch by torch and `TorchMetricsBuilder`, which is what its Lightning callbacks do.

The time is that of a second pass, without import, reading or building tables of the targets.

usage: python scripts/benchmarks/peers/evaluation.py [--users 22363] [--items 12101] [--dim 128] [--threads 1] [--json FILE]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from environments import HERE, ensure_environment

LIBRARIES = ("embrec", "rectools", "replay")


def main() -> None:
    """Make the arrays, run each library, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=22_363)
    parser.add_argument("--items", type=int, default=12_101)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--seen", type=int, default=8, help="items of each user that must not be recommended")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=LIBRARIES, default=LIBRARIES)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "scores.npz"
        _make(data, options)
        for library in options.only:
            python = Path(sys.executable) if library == "embrec" else ensure_environment(library)
            script = HERE / f"{library}_evaluation.py"
            answer = subprocess.run(
                [python, script, data, str(options.threads)], stdout=subprocess.PIPE, text=True, check=True
            ).stdout
            found[library] = json.loads(answer.strip().splitlines()[-1])
    print(f"{options.users:,} users x {options.items:,} items, {options.dim} dims, {options.threads} threads")
    for library, one in found.items():
        metrics = "  ".join(f"{name} {value:.8f}" for name, value in one["metrics"].items())
        print(f"  {library:9} {one['version']:8} {one['cpu_seconds']:7.2f} CPU s  {one['wall_seconds']:7.2f} s  "
              f"{one['peak_mb']:6,.0f} MB  {metrics}")  # fmt: skip
    if "embrec" in found:
        ours = found["embrec"]["metrics"]
        for library, one in found.items():
            worst = max(abs(one["metrics"][name] - ours[name]) for name in ours)
            print(f"  largest difference of {library} from embrec: {worst:.1e}")
    if options.json:
        options.json.write_text(
            json.dumps({"options": {**vars(options), "json": None}, "found": found}, indent=2) + "\n"
        )


def _make(path: Path, options: argparse.Namespace) -> None:
    generator = np.random.default_rng(0)
    items = generator.normal(size=(options.items, options.dim)).astype(np.float32)
    target = generator.integers(0, options.items, options.users)
    noise = generator.normal(size=(options.users, options.dim)).astype(np.float32)
    queries = items[target] * 0.35 + noise  # so that a good part of the targets ranks among the first
    seen = generator.integers(0, options.items, (options.users, options.seen))
    seen = np.where(seen == target[:, None], (seen + 1) % options.items, seen)
    np.savez(path, queries=queries.astype(np.float32), items=items, target=target, seen=seen)


if __name__ == "__main__":
    main()
