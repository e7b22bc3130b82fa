"""Time and memory of the losses over a whole catalog, beside autograd's plain form and beside the bare products.

    python scripts/benchmarks/train_losses.py [--threads N] [--large]

Each figure is made in a process of its own: seconds are CPU-seconds of value and gradients, the median after one to
warm up; memory is how far the process's peak rose above what it held before, gradients included.

- plain: scores as one tensor, the loss as a formula, autograd's gradients;
- blocks: `catalog_loss`, as the trainer calls it;
- floor: the three products that scores and gradients take, on tensors that exist already.

`ratio` is blocks / plain of the same loss, so below 1 where blocks are faster; `floor` is the part of the blocks' time that the
products alone would take. `--large` adds the catalog of the paper's Clothing, 5,120 steps, where the plain form needs 10 GB and
is left out.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

# steps, items, dim: ML-100K's, Beauty's, the paper's Office and Clothing
SIZES = ((5_120, 1_682, 64), (5_120, 12_101, 64), (5_120, 22_154, 128), (1_280, 172_885, 128))
LARGE = (5_120, 172_885, 128)
LOSSES = ("cross-entropy", "bpr", "bpr-max")
REPEATS = 3


def measure(way: str, loss: str, steps: int, items: int, dim: int, threads: int) -> dict[str, float]:
    """Return seconds and extra megabytes of one way; to be called in a process of its own."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    queries = torch.randn(steps, dim, requires_grad=True)
    vectors = (torch.randn(items, dim) * dim**-0.5).requires_grad_()
    targets = torch.randint(items, (steps,))
    weights = torch.full((steps,), 1 / steps)
    ways: dict[str, Callable[[], Any]] = {
        "plain": partial(_plain, loss, queries, vectors, targets),
        "blocks": partial(_blocks, loss, queries, vectors, targets, weights),
    }
    work = _floor(queries, vectors) if way == "floor" else ways[way]
    before = _resident()
    seconds = []
    for _ in range(REPEATS + 1):
        queries.grad = vectors.grad = None
        started = process_time()
        work()
        seconds.append(process_time() - started)
    return {"seconds": median(seconds[1:]), "megabytes": (_peak() - before) / 2**10}


def _plain(loss: str, queries: Any, vectors: Any, targets: Any) -> None:
    import torch
    from torch.nn import functional as F

    from embrec.models.losses.bpr import bpr
    from embrec.models.losses.bpr_max import bpr_max

    scores = queries @ vectors.T
    if loss == "cross-entropy":
        F.cross_entropy(scores, targets).backward()
        return
    mask = torch.ones_like(scores, dtype=torch.bool).scatter_(1, targets[:, None], False)
    form = bpr if loss == "bpr" else bpr_max
    form(scores.gather(1, targets[:, None]).squeeze(1), scores, mask).mean().backward()


def _blocks(loss: str, queries: Any, vectors: Any, targets: Any, weights: Any) -> None:
    from embrec.models.losses.blocks import catalog_loss
    from embrec.models.losses.bpr import Bpr
    from embrec.models.losses.bpr_max import BprMax
    from embrec.models.losses.cross_entropy import CrossEntropy

    chosen = {"cross-entropy": CrossEntropy(), "bpr": Bpr(), "bpr-max": BprMax()}[loss]
    catalog_loss(queries, vectors, targets, weights, chosen.kernel(len(vectors) - 1, len(vectors))).backward()


def _floor(queries: Any, vectors: Any) -> Callable[[], None]:
    """The three products on a block of scores that stays in memory, as often as all steps need it."""
    import torch

    rows = min(len(queries), 256, max(1, (64 << 20) // (4 * len(vectors))))
    queries, vectors = queries.detach(), vectors.detach()
    scores = torch.zeros(rows, len(vectors))
    out_queries, out_vectors = torch.zeros(rows, queries.shape[1]), torch.zeros_like(vectors)

    def products() -> None:
        for start in range(0, len(queries), rows):
            block = queries[start : start + rows]
            torch.mm(block, vectors.T, out=scores[: len(block)])
            torch.mm(scores[: len(block)], vectors, out=out_queries[: len(block)])
            out_vectors.addmm_(scores[: len(block)].T, block)

    return products


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(field))


def _resident() -> float:
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # the peak starts anew
    return _status("VmRSS")


def _peak() -> float:
    return _status("VmHWM")


def run(threads: int = 1, large: bool = False) -> list[dict[str, Any]]:
    """Measure all sizes and losses, and return one row each."""
    rows = []
    for size in (*SIZES, *((LARGE,) if large else ())):
        floor = _child("floor", "cross-entropy", size, threads)["seconds"]
        for loss in LOSSES:
            blocks = _child("blocks", loss, size, threads)
            plain = {"seconds": float("nan"), "megabytes": float("nan")}
            if size != LARGE:
                plain = _child("plain", loss, size, threads)
            rows.append(
                {
                    "loss": loss, "steps": size[0], "items": size[1], "dim": size[2],
                    "seconds": blocks["seconds"], "plain seconds": plain["seconds"],
                    "ratio": blocks["seconds"] / plain["seconds"], "floor share": floor / blocks["seconds"],
                    "extra MB": blocks["megabytes"], "plain extra MB": plain["megabytes"],
                }
            )  # fmt: skip
            print(_line(rows[-1]), flush=True)
    return rows


def _child(way: str, loss: str, size: tuple[int, int, int], threads: int) -> dict[str, float]:
    arguments = [sys.executable, __file__, "--child", way, loss, *map(str, size), str(threads)]
    answer = subprocess.run(arguments, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(answer.stdout)
    return result


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['loss']:14}{row['steps']:>7,}{row['items']:>9,}{row['dim']:>5}{row['seconds']:>9.3f}"
        f"{row['plain seconds']:>9.3f}{row['ratio']:>7.2f}{row['floor share']:>7.2f}{row['extra MB']:>8.0f}"
        f"{row['plain extra MB']:>9.0f}"
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--child", nargs=6, metavar="VALUE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        way, loss, *numbers = options.child
        print(json.dumps(measure(way, loss, *map(int, numbers))))
        return
    print(f"{options.threads} thread(s); CPU-seconds and megabytes of value and gradients")
    print("loss            steps    items  dim  seconds    plain  ratio  floor  extra MB  plain MB")
    run(options.threads, options.large)


if __name__ == "__main__":
    main()
