"""What a build from ready vectors costs in time and memory, in a process of its own.

python scripts/benchmarks/features_vectors.py --items 1000000 --dim 256
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from embrec.data.catalog import Catalog
from embrec.features.build import build
from embrec.features.export import export
from embrec.features.registry import make_encoder
from embrec.features.table import FeatureTable

_ROWS = 65_536


def run(
    items: int = 1_000_000, dim: int = 256, formats: tuple[str, ...] = ("npy",), shuffled: bool = False
) -> list[dict]:
    """Build the table of a synthetic catalog from ready vectors, once a format.

    Args:
        items: of the catalog, all of which have a vector.
        dim: of the vectors.
        formats: npy, and any that `embrec.features.export` writes.
        shuffled: whether the catalog has another order than the file.

    Returns:
        One row a format: `contents_s` (hashing alone), `first_s` (a build from nothing), `again_s` (one with nothing to do),
        `peak_mb` (largest resident set, maps of files included), `peak_anonymous_mb` (without those, as seen every 20 ms),
        `vectors_mb`, `contents_peak_mb`, `contents_items_s`, `contents_mb_s`.
    """
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _synthetic(folder / "vectors.npy", items, dim)
        for kind in formats:
            if kind != "npy":
                _in_a_process("export", folder, items, dim, kind, shuffled)
            rows.append(json.loads(_in_a_process("measure", folder, items, dim, kind, shuffled)))
    return rows


def _in_a_process(task: str, folder: Path, items: int, dim: int, kind: str, shuffled: bool) -> str:
    command = [sys.executable, __file__, "--task", task, "--folder", str(folder), "--items", str(items)]
    command += ["--dim", str(dim), "--formats", kind, *(["--shuffled"] if shuffled else [])]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _synthetic(path: Path, items: int, dim: int) -> None:
    generator = np.random.default_rng(0)
    array = np.lib.format.open_memmap(path, "w+", np.float32, (items, dim))
    for start in range(0, items, _ROWS):
        array[start : start + _ROWS] = generator.standard_normal((min(_ROWS, items - start), dim), dtype=np.float32)
    with path.with_name("vectors.ids.txt").open("w") as stream:
        stream.writelines(f"B{item:09d}\n" for item in range(items))


def _catalog(items: int, shuffled: bool) -> Catalog:
    ids = pl.Series("item", [f"B{item:09d}" for item in range(items)])
    return Catalog(pl.DataFrame([ids.shuffle(seed=0) if shuffled else ids]))


def _measure(folder: Path, items: int, dim: int, kind: str, shuffled: bool) -> dict[str, Any]:
    path = folder / f"vectors.{kind}"
    catalog = _catalog(items, shuffled)
    peak = _AnonymousPeak()
    began = time.monotonic()
    make_encoder("vectors", {"path": path}).contents(catalog)
    hashed = time.monotonic() - began
    hashed_peak = _memory_mb("VmHWM")
    seconds = []
    for _ in range(2):
        began = time.monotonic()
        build(catalog, make_encoder("vectors", {"path": path}), folder / f"features-{kind}")
        seconds.append(time.monotonic() - began)
    size = 4 * items * dim / 1e6
    return {
        "format": kind,
        "items": items,
        "dim": dim,
        "vectors_mb": round(size),
        "contents_s": round(hashed, 2),
        "contents_items_s": round(items / hashed),
        "contents_mb_s": round(size / hashed),
        "contents_peak_mb": hashed_peak,
        "first_s": round(seconds[0], 2),
        "again_s": round(seconds[1], 2),
        "peak_mb": _memory_mb("VmHWM"),
        "peak_anonymous_mb": peak.stop(),
    }


def _export(folder: Path, items: int, kind: str) -> None:
    encoder = make_encoder("vectors", {"path": folder / "vectors.npy"})
    report = build(_catalog(items, False), encoder, folder / "source")
    export(FeatureTable.open(report.path), folder / f"vectors.{kind}")


def _memory_mb(name: str) -> int:
    """Return an entry of this process's status; only Linux tells."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024 / 1e6)


class _AnonymousPeak:
    """Looks every few milliseconds how much memory belongs to no file."""

    def __init__(self) -> None:
        self._highest = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stopped.wait(0.02):
            self._highest = max(self._highest, _memory_mb("RssAnon"))

    def stop(self) -> int:
        """Return the highest value so far, in MB."""
        self._stopped.set()
        self._thread.join()
        return self._highest


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--formats", nargs="+", default=["npy"])
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--task", choices=("run", "export", "measure"), default="run", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.task == "export":
        _export(asked.folder, asked.items, asked.formats[0])
    elif asked.task == "measure":
        print(json.dumps(_measure(asked.folder, asked.items, asked.dim, asked.formats[0], asked.shuffled)))
    else:
        for row in run(asked.items, asked.dim, tuple(asked.formats), asked.shuffled):
            for name, value in row.items():
                print(f"{name:28}{value:>12}")
