"""Events a second of training, in several settings, on a processor or a GPU.

    python scripts/benchmarks/train_events.py [--device auto] [--threads N] [--precision float32 bfloat16] [--steps N]

The model is EmbRec's GRU with trained item vectors, 128-d; a batch is 512 histories of 20 events of a generated log, over as
many items as the paper's Office (22,154) and Clothing (172,885) have. A step is what `Trainer` does: batch, loss, gradients,
Adam; the first one warms up. `products` is the share of the time that the step's matrix products would take at the speed of a
large product of the same precision (4,096 cubed, measured here): how close to the hardware the rest lets it come.

GRU4Rec's own code is published with 25,400 events a second on an A30 (RetailRocket, 224 units, 2,048 samples).
"""

import argparse
import time
from typing import Any

import numpy as np
import torch

from embrec.data.sequences import Sequences
from embrec.data.training_rows import ShuffledHistories
from embrec.models.inputs import CatalogInputs
from embrec.models.negatives import Negatives
from embrec.models.zoo import build_model
from embrec.models.zoo.embrec import EmbRecConfig
from embrec.runs.local import choose_device
from embrec.training.config import TrainingConfig
from embrec.training.loop.trainer import Trainer, Validation

DIM, BATCH, LENGTH = 128, 512, 20
CATALOGS = (22_154, 172_885)
NEGATIVES = {"all": Negatives(), "2,048": Negatives(count=2_048, alpha=0.5)}


def product_speed(device: torch.device, precision: str, size: int = 4_096) -> float:
    """Return the multiplications and additions a second of a large product."""
    dtype = getattr(torch, precision)
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    repeats = 20 if device.type == "cuda" else 2
    _wait(device, left @ right)
    started = time.perf_counter()
    for _ in range(repeats):
        product = left @ right
    _wait(device, product)
    return repeats * 2 * size**3 / (time.perf_counter() - started)


def events_per_second(device: torch.device, precision: str, items: int, negatives: Negatives, steps: int) -> float:
    """Return the speed of an epoch of that many steps after one that warms up."""
    generator = np.random.default_rng(0)
    popularity = 1 / np.arange(1, items + 1)
    drawn = generator.choice(items, (BATCH * steps, LENGTH + 1), p=popularity / popularity.sum())
    read = Sequences.from_histories(drawn)
    sequences = Sequences(read.items, read.times, read.ptr, read.user)
    known = torch.ones(items + 1, dtype=torch.bool)
    known[0] = False
    model = build_model(EmbRecConfig(source="id", dim=DIM, units=DIM, metric="dot"), CatalogInputs({}, known)).to(
        device
    )
    marks: list[float] = []

    def validate() -> Validation:
        _wait(device, model.known)
        marks.append(time.perf_counter())
        return Validation({"ndcg@10": 0.0}, 0.0)

    config = TrainingConfig(negatives=negatives, batch_size=BATCH, epochs=2, patience=2, precision=precision)  # type: ignore[arg-type]
    counts = torch.from_numpy(np.bincount(read.items, minlength=items + 1))
    Trainer(model, ShuffledHistories(sequences, config), counts, validate, config).fit()
    return BATCH * steps * LENGTH / (marks[1] - marks[0])


def operations(candidates: int) -> float:
    """Return the multiplications and additions an event's products take, forward and backward."""
    return 3 * 2 * (candidates * DIM + 2 * 3 * DIM * DIM + DIM * DIM)


def run(device: torch.device, precisions: list[str], steps: int) -> list[dict[str, Any]]:
    """Measure every setting, and return one row each."""
    rows = []
    for precision in precisions:
        speed = product_speed(device, precision)
        print(f"{precision}: large products at {speed / 1e9:,.0f} GFLOP a second")
        for items in CATALOGS:
            for name, negatives in NEGATIVES.items():
                events = events_per_second(device, precision, items, negatives, steps)
                share = events * operations(items if name == "all" else 2_049) / speed
                rows.append(
                    {"precision": precision, "items": items, "negatives": name, "events": events, "share": share}
                )
                print(
                    f"{precision:>9}{items:>9,} items {name:>6} negatives{events:>12,.0f} events/s, products {share:.2f}"
                )
    return rows


def _wait(device: torch.device, value: torch.Tensor) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    else:
        value.flatten()[0].item()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--precision", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--steps", type=int)
    options = parser.parse_args()
    device = choose_device(options.device)
    if options.threads:
        torch.set_num_threads(options.threads)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} thread(s)"
    print(f"{device.type}, {name}; batches of {BATCH} histories of {LENGTH} events")
    run(device, options.precision, options.steps or (20 if device.type == "cuda" else 1))


if __name__ == "__main__":
    main()
