"""What a feature table costs apart from the encoder: writing, opening, reading rows, adding items, and memory.

usage: python scripts/benchmarks/features_table.py [ITEMS_OF_THE_MEMORY_RUN]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from embrec.data.catalog import Catalog
from embrec.features.build import build
from embrec.features.registry import make_encoder
from embrec.features.table import FeatureTable
from embrec.features.writer import TableWriter

ITEMS, DIM, ROWS, ADDED = 150_000, 768, 4_096, 100
REPEATS = 5


def run(memory_items: int = 1_000_000) -> list[dict[str, Any]]:
    """Return one row a question: what was measured, the figure, what it is compared with, and the ratio."""
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        return [*_writing(folder), *_adding(folder), *_memory(folder, memory_items)]


def _writing(folder: Path) -> list[dict[str, Any]]:
    vectors = np.random.default_rng(0).random((ITEMS, DIM), dtype=np.float32)
    ids = np.array([f"item{row:07d}" for row in range(ITEMS)], dtype=object)
    fingerprints = np.random.default_rng(1).integers(0, 256, (ITEMS, 16), dtype=np.uint8)
    path, plain = folder / "table.h5", folder / "plain.bin"
    attributes = {"encoder": {"name": "benchmark"}, "fitted_on": None}
    block = 256

    def table() -> None:
        path.unlink(missing_ok=True)
        blocks = range(0, ITEMS, block)
        writer = TableWriter(path, ids, fingerprints, DIM, vectors.dtype, len(blocks), "", attributes)
        for number, start in enumerate(blocks):
            rows = np.arange(start, min(start + block, ITEMS))
            writer.write(rows, vectors[start : start + block], np.ones(len(rows), dtype=bool))
            writer.mark(number, 0.0)
        writer.finish()

    def sequential() -> None:
        plain.unlink(missing_ok=True)
        with plain.open("wb") as stream:
            for start in range(0, ITEMS, block):
                stream.write(vectors[start : start + block].data)
            stream.flush()
            os.fsync(stream.fileno())

    written, floor = _interleaved(table, sequential)
    rows = np.random.default_rng(2).integers(0, ITEMS, ROWS)

    def gather() -> None:
        FeatureTable.open(path).vectors[rows]

    size = f"{ITEMS:,} x {DIM}"
    return [
        _row(f"write a table of {size}", written, f"plain write of {ITEMS * DIM * 4 / 1e6:.0f} MB", floor),
        _row(f"open it, gather {ROWS:,} random rows (warm)", _median(gather), "the bar", 0.1),
    ]


def _adding(folder: Path) -> list[dict[str, Any]]:
    old, more = _catalog(ITEMS), _catalog(ITEMS + ADDED)
    alone = more.select(np.arange(ITEMS, ITEMS + ADDED))
    trained = np.arange(ITEMS + ADDED) < ITEMS
    spec = "tfidf+svd"
    path = build(old, make_encoder(spec), folder, fit_rows=trained[:ITEMS]).path
    encoder = make_encoder(spec)
    encoder.load_state(path.with_suffix(""))
    added, single, direct = [], [], []
    for number in range(REPEATS):
        for later in folder.glob(f"{path.name}.*"):
            later.unlink()
        began = time.perf_counter()
        report = build(more, make_encoder(spec), folder, fit_rows=trained)
        added.append(time.perf_counter() - began)
        assert report.encoded == ADDED, report
        began = time.perf_counter()
        encoder.encode(alone)
        direct.append(time.perf_counter() - began)
        began = time.perf_counter()
        build(alone, make_encoder("minilm"), folder / f"alone{number}")
        single.append(time.perf_counter() - began)
    what = f"add {ADDED} items to {ITEMS:,} ({spec})"
    return [
        _row(what, statistics.median(added), f"encoding the {ADDED} alone", statistics.median(direct)),
        _row(what, statistics.median(added), f"a table of the {ADDED} by MiniLM", statistics.median(single)),
    ]


def _memory(folder: Path, items: int) -> list[dict[str, Any]]:
    code = (
        "import resource, sys, time; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from features_table import _catalog\n"
        "from embrec.features.build import build; from embrec.features.registry import make_encoder\n"
        "began = time.time(); catalog = _catalog(int(sys.argv[3])); made = time.time() - began\n"
        "report = build(catalog, make_encoder('tfidf+svd'), Path(sys.argv[2]))\n"
        "print(report.seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
    )
    arguments = [sys.executable, "-c", code, str(Path(__file__).parent), str(folder / "memory"), str(items)]
    output = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    seconds, megabytes = map(float, output.split())
    return [
        {"what": f"build {items:,} items, tfidf+svd, s", "figure": seconds, "beside": "", "ratio": ""},
        {"what": "its peak memory, MB", "figure": megabytes, "beside": "bar: 2,000", "ratio": megabytes / 2000},
    ]


def _catalog(n: int) -> Catalog:
    """Titles of twelve words whose frequencies fall as those of English do."""
    generator = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(50_000)])
    share = 1 / np.arange(1, len(words) + 1)
    frames = []
    for start in range(0, n, 50_000):
        rows = generator.choice(len(words), size=(min(50_000, n - start), 12), p=share / share.sum())
        titles = [" ".join(words[row]) for row in rows]
        frames.append(pl.DataFrame({"item": [f"item{start + row:07d}" for row in range(len(rows))], "title": titles}))
    return Catalog(pl.concat(frames))


def _median(work: Callable[[], None]) -> float:
    work()
    return statistics.median(_seconds(work) for _ in range(REPEATS))


def _interleaved(first: Callable[[], None], second: Callable[[], None]) -> tuple[float, float]:
    pairs = [(_seconds(first), _seconds(second)) for _ in range(REPEATS + 1)][1:]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _row(what: str, figure: float, beside: str, other: float) -> dict[str, Any]:
    return {"what": f"{what}, s", "figure": figure, "beside": f"{beside}: {other:.3f} s", "ratio": figure / other}


if __name__ == "__main__":
    for line in run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000):
        print(f"{line['what']:<60} {line['figure']:10.3f}  {line['beside']:<45} {line['ratio'] or 0:.2f}")
