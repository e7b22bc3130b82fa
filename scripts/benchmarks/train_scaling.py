"""How the time of an epoch grows with the catalog, and what padding costs where histories differ in length.

    python scripts/benchmarks/train_scaling.py [--threads N] [--figure FILE]

Generated logs: items drawn with Zipf's popularity, histories of a mean length of 8. An epoch is one of `Trainer`, without
validation; seconds are CPU-seconds. The model is EmbRec's GRU with trained item vectors, 128-d, batches of 128.

- catalog: 2,000 histories of geometric lengths over 10,000, 50,000 and 200,000 items, against all items and 2,048 sampled;
- skew: 4,000 histories of 8 events on average over 10,000 items and 512 negatives, of one length, of geometric and of
  lognormal lengths (at most 50), in buckets of like length and in random batches.

The floor is the operations that no way of computing the same can leave out (multiplications and additions of the scores,
their two gradients, and the GRU's products, forward and twice backward, on real events only) over the speed of a large
product of the same depth, measured in the same process.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from embrec.data.sequences import Sequences
from embrec.data.training_rows import ShuffledHistories
from embrec.models.inputs import CatalogInputs
from embrec.models.negatives import Negatives
from embrec.models.zoo import build_model
from embrec.models.zoo.embrec import EmbRecConfig
from embrec.training.config import TrainingConfig
from embrec.training.loop.trainer import Trainer, Validation

DIM = 128
CATALOGS = (10_000, 50_000, 200_000)
MEAN_LENGTH, MAX_LENGTH = 8, 50


def lengths(kind: str, histories: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return the steps of each history, 1 to `MAX_LENGTH`, with a mean of about `MEAN_LENGTH`."""
    if kind == "one length":
        return np.full(histories, MEAN_LENGTH)
    if kind == "geometric":
        drawn = generator.geometric(1 / MEAN_LENGTH, histories)
    else:
        drawn = generator.lognormal(np.log(MEAN_LENGTH) - 0.8, 1.3, histories).round()
    return np.clip(drawn, 1, MAX_LENGTH).astype(np.int64)


def log(steps: NDArray[np.int64], items: int, generator: np.random.Generator) -> Sequences:
    """Return histories of those steps and a last target each, of items with Zipf's popularity."""
    popularity = 1 / np.arange(1, items + 1)
    drawn = generator.choice(items, int((steps + 1).sum()), p=popularity / popularity.sum())
    histories = Sequences.from_histories(np.split(drawn, np.cumsum(steps + 1)[:-1]))
    return replace(histories, target=None, target_time=None)


def matmul_speed(rows: int = 1024, columns: int = 8192) -> float:
    """Return the multiplications and additions a CPU-second of a large product of depth `DIM`."""
    left, right, out = torch.randn(rows, DIM), torch.randn(DIM, columns), torch.empty(rows, columns)
    torch.mm(left, right, out=out)
    started = process_time()
    for _ in range(8):
        torch.mm(left, right, out=out)
    return 8 * 2 * rows * columns * DIM / (process_time() - started)


def epoch_seconds(sequences: Sequences, items: int, negatives: Negatives, bucket: bool = True) -> float:
    """Return the CPU-seconds of the second of two epochs."""
    known = torch.ones(items + 1, dtype=torch.bool)
    known[0] = False
    torch.manual_seed(0)
    model = build_model(EmbRecConfig(source="id", dim=DIM, units=DIM, metric="dot"), CatalogInputs({}, known))
    popularity = torch.from_numpy(np.bincount(sequences.items, minlength=items + 1))
    marks: list[float] = []

    def validate() -> Validation:
        marks.append(process_time())
        return Validation({"ndcg@10": 0.0}, 0.0)

    config = TrainingConfig(negatives=negatives, bucket=bucket, epochs=2, patience=2)
    started = process_time()
    Trainer(model, ShuffledHistories(sequences, config), popularity, validate, config).fit()
    return marks[1] - marks[0] if len(marks) > 1 else marks[0] - started


def floor_seconds(steps: int, candidates: int, speed: float) -> float:
    """Return the CPU-seconds of the products that an epoch of that many steps cannot leave out."""
    scores = 3 * 2 * steps * candidates * DIM
    gru = 3 * 2 * steps * (2 * 3 * DIM * DIM) + 3 * 2 * steps * DIM * DIM
    return (scores + gru) / speed


def catalogs(speed: float) -> list[dict[str, Any]]:
    """Measure the time of an epoch against the size of the catalog."""
    rows = []
    for items in CATALOGS:
        generator = np.random.default_rng(0)
        steps = lengths("geometric", 2_000, generator)
        sequences = log(steps, items, generator)
        for name, negatives in (("all", Negatives()), ("2,048", Negatives(count=2_048, alpha=0.5))):
            candidates = items if name == "all" else 2_049
            seconds = epoch_seconds(sequences, items, negatives)
            floor = floor_seconds(int(steps.sum()), candidates, speed)
            rows.append({"items": items, "negatives": name, "seconds": seconds, "floor": floor})
            print(f"{items:>9,} {name:>10}{seconds:>10.2f}{floor:>10.2f}{seconds / floor:>8.2f}", flush=True)
    return rows


def skews(speed: float) -> list[dict[str, Any]]:
    """Measure the time of an epoch against how much histories differ in length, with buckets and without."""
    rows = []
    for kind in ("one length", "geometric", "lognormal"):
        generator = np.random.default_rng(0)
        steps = lengths(kind, 4_000, generator)
        sequences = log(steps, 10_000, generator)
        for bucket in (True, False):
            seconds = epoch_seconds(sequences, 10_000, Negatives(count=512), bucket) / int(steps.sum()) * 1e4
            floor = floor_seconds(10_000, 513, speed)
            rows.append({"lengths": kind, "buckets": bucket, "seconds": seconds, "floor": floor})
            print(f"{kind:>12} {'buckets' if bucket else 'random':>9}{seconds:>10.2f}{floor:>10.2f}", flush=True)
    return rows


def draw(of_catalogs: list[dict[str, Any]], of_skews: list[dict[str, Any]], file: Path) -> None:
    """Draw both tables with their floors."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    for name, color in (("all", "tab:blue"), ("2,048", "tab:orange")):
        rows = [row for row in of_catalogs if row["negatives"] == name]
        sizes = [row["items"] for row in rows]
        left.loglog(sizes, [row["seconds"] for row in rows], "o-", color=color, label=f"{name} negatives")
        left.loglog(sizes, [row["floor"] for row in rows], "--", color=color, label="its floor")
    left.set(xlabel="items in the catalog", ylabel="CPU-seconds an epoch of 16,000 events")
    left.legend()
    kinds = list(dict.fromkeys(row["lengths"] for row in of_skews))
    for offset, bucket in ((-0.2, True), (0.2, False)):
        values = [row["seconds"] for row in of_skews if row["buckets"] is bucket]
        label = "buckets of like length" if bucket else "random batches"
        right.bar([place + offset for place in range(len(kinds))], values, 0.4, label=label)
    right.axhline(of_skews[0]["floor"], linestyle="--", color="black", label="floor")
    right.set_xticks(range(len(kinds)), kinds)
    right.set(ylabel="CPU-seconds for 10,000 events")
    right.legend()
    figure.tight_layout()
    figure.savefig(file, dpi=120)


def main() -> None:
    """Print both tables, and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    speed = matmul_speed()
    print(f"{options.threads} thread(s), products at {speed / 1e9:.0f} GFLOP a CPU-second; CPU-seconds an epoch")
    print("    items  negatives   seconds     floor   ratio")
    of_catalogs = catalogs(speed)
    print("CPU-seconds for 10,000 events\n     lengths   batches   seconds     floor")
    of_skews = skews(speed)
    if options.figure:
        draw(of_catalogs, of_skews, options.figure)


if __name__ == "__main__":
    main()
