"""What evaluation costs beside one training epoch of the same data, and how its memory grows with the number of users.

Generated logs: items drawn with Zipf's popularity, histories of 8 events on average (at most 50). The model is a GRU with
trained item vectors, 128-d; it is trained against all items. Seconds are CPU-seconds. Memory is the peak of the resident set
during an evaluation over what was resident before it, with the best 50 items kept of every target.

    python scripts/benchmarks/evaluate_epoch.py [--items 170000] [--users 2000]
"""

import argparse
from pathlib import Path
from time import process_time

import numpy as np
import torch
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.data.sequences import training_sequences
from embrec.data.splits import GlobalTime, LeaveOneOut, Partition, PerUserRatio, Split, UserHoldout
from embrec.data.training_data import popularity
from embrec.data.training_rows import ShuffledHistories
from embrec.evaluation.evaluator import EvaluationConfig, evaluate
from embrec.models.baselines.popularity import PopRec
from embrec.models.inputs import CatalogInputs
from embrec.models.zoo import build_model
from embrec.models.zoo.embrec import EmbRecConfig
from embrec.training.config import TrainingConfig
from embrec.training.loop.trainer import Trainer, Validation

DIM, MAX_LENGTH = 128, 50


def make_log(users: int, items: int) -> Interactions:
    """Return a log whose events are scattered over time."""
    generator = np.random.default_rng(0)
    lengths = np.clip(generator.geometric(1 / 6, users) + 2, 3, MAX_LENGTH)
    share = 1 / np.arange(1, items + 1)
    drawn: NDArray[np.int64] = generator.choice(items, int(lengths.sum()), p=share / share.sum())
    start = np.repeat(generator.integers(0, 10**8, users), lengths)
    time = start + generator.integers(0, 10**7, len(drawn))
    return Interactions.from_events(np.arange(users).astype(object), np.repeat(np.arange(users), lengths), drawn, time)


def epoch_and_evaluation(log: Interactions, items: int, split: Split) -> tuple[float, float, int]:
    """Return the CPU-seconds of a training epoch and of the evaluation of all test targets, and how many these are."""
    partition = split(log, items)
    known = torch.ones(items + 1, dtype=torch.bool)
    known[0] = False
    torch.manual_seed(0)
    model = build_model(EmbRecConfig(source="id", dim=DIM, units=DIM, metric="dot"), CatalogInputs({}, known))
    sequences = training_sequences(log, partition, MAX_LENGTH)
    config = TrainingConfig(epochs=1)
    started = process_time()
    Trainer(
        model,
        ShuffledHistories(sequences, config),
        popularity(log, partition),
        lambda: Validation({"ndcg@10": 0.0}, 0.0),
        config,
    ).fit()
    trained = process_time()
    evaluate(model, log, partition, partition.test, EvaluationConfig(), max_length=MAX_LENGTH, keep=50)
    return trained - started, process_time() - trained, len(partition.test)


def memory(users: int, items: int) -> float:
    """Return the MB that an evaluation takes beside the log, its split and the model."""
    log = make_log(users, items)
    partition: Partition = LeaveOneOut()(log, items)
    model = PopRec()
    model.fit(log, partition)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before = _status("VmRSS")
    evaluate(model, log, partition, partition.test, EvaluationConfig(), max_length=MAX_LENGTH, keep=50)
    return _status("VmHWM") - before


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith(key))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=170_000)
    parser.add_argument("--users", type=int, default=2000)
    options = parser.parse_args()
    log = make_log(options.users, options.items)
    print(f"{options.users:,} users, {options.items:,} items, {len(log):,} events, {torch.get_num_threads()} threads")
    splits: list[Split] = [LeaveOneOut(), PerUserRatio(train=0.8, valid=0.1), UserHoldout(), GlobalTime()]
    for split in splits:
        epoch, evaluation, targets = epoch_and_evaluation(log, options.items, split)
        print(f"  {type(split).__name__:14} epoch {epoch:7.2f}  evaluation {evaluation:7.2f}  ({evaluation / epoch:.2f}) of "
              f"{targets:,} targets")  # fmt: skip
    for users in (5_000, 50_000, 200_000):
        extra = memory(users, options.items)
        print(
            f"  memory for {users:>9,} users {extra:6,.0f} MB, of which the lists take {users * 50 * 4 / 1e6:,.0f} MB"
        )


if __name__ == "__main__":
    main()
