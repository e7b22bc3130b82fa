"""Trainings of the same configuration from several seeds, with mean and confidence interval of a metric."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from embrec.errors import ConfigError
from embrec.evaluation.leaks import LeakReport
from embrec.evaluation.statistics import MeanInterval, mean_interval
from embrec.progress import Progress, silent
from embrec.runs.config import RunConfig
from embrec.runs.pipeline import TrainingResult, train
from embrec.workspace import Category


@dataclass(frozen=True)
class SeedsResult:
    """The runs of several seeds.

    Attributes:
        runs: seed -> result of its run, in the order of the seeds.
    """

    runs: dict[int, TrainingResult]

    def values(self, metric: str, targets: str = "all") -> list[float]:
        """Return a test metric of each run.

        Args:
            metric: name of the metric, such as "ndcg@10".
            targets: slice of the test targets: "all", "warm items" or "cold items".
        """
        return [result.metrics["test"][targets][metric] for result in self.runs.values()]

    def mean(self, metric: str, targets: str = "all") -> MeanInterval:
        """Return the mean of a test metric over seeds with its 95 % confidence interval; arguments as of `values`."""
        return mean_interval(self.values(metric, targets))


def train_seeds(
    category: Category,
    config: RunConfig,
    seeds: Sequence[int],
    name: str,
    *,
    force: bool = False,
    address: str | None = None,
    on_leaks: Callable[[LeakReport], None] | None = None,
    progress: Progress = silent,
) -> SeedsResult:
    """Train a model once for each seed, as runs NAME-s0, NAME-s1 and so on; see `embrec.runs.pipeline.train`.

    Finished runs are reused and an interrupted one is resumed, so the same call can be repeated.

    Args:
        category: the prepared data.
        config: configuration of every run; its seed is replaced.
        seeds: seeds, one run each.
        name: beginning of the names of the runs.
        force: True to start over if a run exists.
        address: address of a running Ray cluster.
        on_leaks: function called once with the report of the checks for leaks, which does not depend on the seed.
        progress: function called after every step.

    Raises:
        ConfigError: there is no seed, or one is given twice or is negative.
    """
    check_seeds(seeds)
    runs: dict[int, TrainingResult] = {}
    for seed in seeds:
        runs[seed] = train(
            category,
            seed_config(config, seed),
            seed_run(name, seed),
            force=force,
            address=address,
            on_leaks=on_leaks if all(run.reused for run in runs.values()) else None,
            progress=_of_seed(seed, progress),
        )
    return SeedsResult(runs)


def seed_config(config: RunConfig, seed: int) -> RunConfig:
    """Return a configuration with another seed."""
    return config.model_copy(update={"training": config.training.model_copy(update={"seed": seed})})


def seed_run(name: str, seed: int) -> str:
    """Return the name of one of several runs that differ in their seed."""
    return f"{name}-s{seed}"


def parse_seeds(text: str) -> list[int]:
    """Read a list of seeds.

    >>> parse_seeds("0, 1, 2")
    [0, 1, 2]

    Raises:
        ConfigError: the list is empty, or an entry is not a whole number or repeats another.
    """
    parts = [part.strip() for part in text.split(",")]
    wrong = next((part for part in parts if not (part.isascii() and part.isdecimal())), None)
    if wrong is not None:
        raise ConfigError(f"seeds {text!r}: {wrong!r} is not a whole number from 0; give a list such as 0,1,2")
    seeds = [int(part) for part in parts]
    check_seeds(seeds)
    return seeds


def check_seeds(seeds: Sequence[int]) -> None:
    """Raise a ConfigError if there is no seed, or one is given twice or is negative."""
    if not seeds:
        raise ConfigError("there is no seed; give at least one, such as 0,1,2")
    for place, seed in enumerate(seeds):
        if seed < 0:
            raise ConfigError(f"seed {seed} is negative; seeds are whole numbers from 0")
        if seed in seeds[:place]:
            raise ConfigError(f"seed {seed} is given twice; each seed is one run")


def _of_seed(seed: int, progress: Progress) -> Progress:
    def report(task: str, done: int, total: int | None, note: str = "") -> None:
        progress(f"seed {seed}, {task}", done, total, note)

    return report
