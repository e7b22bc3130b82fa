"""What a search costs beside its trainings: Ray's start, each trial, and what two trials at once gain and share.

    python scripts/benchmarks/tune_overhead.py [--trials N] [--epochs N]

A generated log: 4,000 histories of 8 events on average over 20,000 items of Zipf's popularity, whose content is a table
of random vectors of 768 numbers (61 MB); EmbRec's GRU with 64-d dense layers, 512 negatives, batches of 128, no stopping, one
thread a trial. Every figure is of one search, in seconds of the clock.

- floor: the same trainings one after the other in this process, with one thread and without Ray;
- one at a time, and two: through Ray Tune, from the first trial's begin to the last one's end;
- start: from the call to the first trial's begin; each trial: of trials of one short epoch (100 histories, 64 negatives);
- memory: what each trial's process has for itself (USS), and what it shares with others (RSS minus USS), by psutil.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from embrec.data.interactions import Interactions
from embrec.data.splits import LeaveOneOut
from embrec.data.training_data import TrainingData
from embrec.models.inputs import CatalogInputs, known_items
from embrec.models.tables import DenseTable
from embrec.runs.config import RunConfig
from embrec.runs.presets import build_config
from embrec.tuning.config import SearchConfig
from embrec.tuning.folder import SearchFolder
from embrec.tuning.on_ray import SearchState, run_trials
from embrec.tuning.resources import Resources
from embrec.tuning.trial import SharedData, TrialTraining

ITEMS, DIM = 20_000, 768
SPACE = {"training.learning_rate": {"log-uniform": [1e-4, 1e-2]}}


def generated(users: int, items: int) -> Interactions:
    """Return a log of histories with a geometric number of events, 4 at least."""
    generator = np.random.default_rng(0)
    lengths = np.clip(generator.geometric(1 / 5, users) + 3, 4, 50)
    popularity = 1 / np.arange(1, items + 1)
    item = generator.choice(items, lengths.sum(), p=popularity / popularity.sum())
    user = np.repeat(np.arange(users), lengths)
    return Interactions.from_events(np.arange(users).astype(object), user, item, np.arange(len(user)))


def prepared(users: int, epochs: int, negatives: int = 512) -> tuple[RunConfig, SharedData]:
    """Return a configuration, and what its trials read."""
    settings = ["model.dim=64", "model.units=64", "training.patience=99"]
    options = {"model.features": ["random"], "training.negatives.count": negatives, "training.epochs": epochs}
    base = build_config("generated", options=options, settings=settings)
    log = generated(users, ITEMS)
    partition = LeaveOneOut()(log, ITEMS)
    data = TrainingData.of(log, partition, base.model.max_length)
    vectors = np.random.default_rng(1).normal(size=(ITEMS, DIM)).astype(np.float32)
    inputs = CatalogInputs({"random": DenseTable(vectors)}, known_items(partition.train_items))
    return base, SharedData(base.model_dump(mode="json"), data, inputs.arrays(), "benchmark")


class Watch:
    """Notes when trials begin and end, and how much memory their processes take."""

    def __init__(self) -> None:
        self.called = time.monotonic()
        self.first = self.last = 0.0
        self.memory: list[tuple[float, float]] = []

    def __call__(self, state: SearchState) -> None:
        """Look; called by the search whenever something changes."""
        self.last = time.monotonic()
        if state.running and not self.first:
            self.first = self.last
        if any(len(trial.epochs) for trial in state.trials.values()) and len(state.running) == state.slots:
            found = [_memory(one) for one in psutil.Process().children(recursive=True) if _is_trial(one)]
            self.memory = max(self.memory, found, key=len)


def _is_trial(process: psutil.Process) -> bool:
    try:
        return "ResourceTrainable" in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _memory(process: psutil.Process) -> tuple[float, float]:
    info = process.memory_full_info()
    return info.uss / 1e6, (info.rss - info.uss) / 1e6


def search(base: RunConfig, shared: SharedData, trials: int, concurrent: int) -> Watch:
    """Run a search of so many trials."""
    config = SearchConfig(base=base, space=SPACE, samples=trials, algorithm="random", halving=None)
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        one = SearchFolder(Path(folder) / "generated" / "searches" / "one")
        one.begin(config, shared.fingerprint)
        run_trials(one, config, shared, Resources(concurrent), watch)
    return watch


def alone(shared: SharedData, trials: int) -> float:
    """Return the seconds of so many trials one after the other in this process."""
    torch.set_num_threads(1)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(trials):
            trial = TrialTraining(
                shared, {"training.learning_rate": 1e-3 * (number + 1)}, Path(folder) / f"{number}.pt"
            )
            while not trial.over:
                trial.step()
    return time.monotonic() - started


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=4)
    arguments = parser.parse_args()
    base, shared = prepared(4_000, arguments.epochs)
    small: Any = prepared(100, 1, negatives=64)
    alone(small[1], 1)  # warm-up
    floor = alone(shared, arguments.trials)
    one, two = (search(base, shared, arguments.trials, concurrent) for concurrent in (1, 2))
    short = search(*small, 3 * arguments.trials, 1)
    short_floor = alone(small[1], 3 * arguments.trials)
    seconds = [watch.last - watch.first for watch in (one, two)]
    each = (short.last - short.first - short_floor) / (3 * arguments.trials)
    print(f"{arguments.trials} trials of {arguments.epochs} epochs: {floor:.1f} without Ray, {seconds[0]:.1f} one at a time, "
          f"{seconds[1]:.1f} two at once")  # fmt: skip
    print(
        f"throughput of two at once: {seconds[0] / seconds[1]:.2f} of one at a time, {floor / seconds[1]:.2f} of no Ray"
    )
    print(
        f"start of Ray to the first trial's begin: {one.first - one.called:.1f} s; each trial beyond its training: {each:.2f} s"
    )
    for own, common in two.memory:
        print(f"memory of a trial's process: {own:.0f} MB of its own, {common:.0f} MB shared")


if __name__ == "__main__":
    main()
