"""The content of a page: the data, the runs with their logs, and the rank of every target under every model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.data.prepared import PreparedSplit
from embrec.data.splits import Partition
from embrec.data.store import Dataset
from embrec.errors import ConfigError, RunError
from embrec.evaluation.evaluator import Evaluation, EvaluationConfig
from embrec.evaluation.leaks import LeakReport
from embrec.report.page.models import Model, page_models
from embrec.runs.config import RunConfig
from embrec.runs.folder import RunFolder
from embrec.tuning.config import SearchConfig
from embrec.tuning.folder import SearchFolder
from embrec.tuning.records import Trial
from embrec.workspace import check_name

LIST = 10  # items of a list that are looked at


@dataclass(frozen=True)
class Run:
    """One finished run.

    Attributes:
        folder: folder of the run.
        config: configuration of the run.
        metrics: contents of `metrics.json`.
        epochs: lines of `events.jsonl`; empty if the file is missing.
        leaks: findings of the checks for leaks; None if the run was not checked.
    """

    folder: RunFolder
    config: RunConfig
    metrics: Mapping[str, Any]
    epochs: tuple[Mapping[str, Any], ...]
    leaks: LeakReport | None

    @property
    def name(self) -> str:
        """The run's name."""
        return self.folder.name


def read_run(folder: RunFolder) -> Run:
    """Read the files of a finished run.

    Raises:
        RunError: it is no run, or not finished, or one of its files is damaged.
    """
    metrics = folder.read_metrics()
    lines = folder.events.read_text(encoding="utf-8").splitlines() if folder.events.is_file() else []
    return Run(
        folder,
        folder.config(),
        metrics,
        tuple(_parsed(folder.events, line) for line in lines if line.strip()),
        folder.read_leaks(),
    )


def _parsed(path: Path, text: str) -> dict[str, Any]:
    """Read JSON.

    Raises:
        RunError: it is damaged.
    """
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise RunError(f"{path} is damaged ({error.msg}); remove it, and the report does without it") from None
    return values if isinstance(values, dict) else {}


@dataclass(frozen=True)
class Search:
    """A search that found the settings of a run.

    Attributes:
        name: name within its category.
        config: configuration of the search.
        trials: trials of its log by number.
        runs: runs of the page that were trained with its best settings.
    """

    name: str
    config: SearchConfig
    trials: Mapping[int, Trial]
    runs: tuple[str, ...]


def read_search(runs: Sequence[Run]) -> tuple[Search | None, list[str]]:
    """Read the search of the first run that came from one.

    Returns:
        The search, None if no run came from one or nothing can be read of it; and notes that say why not.
    """
    run = next((run for run in runs if run.folder.search()), None)
    if run is None:
        return None, []
    name = run.folder.search()
    left_out = f"The search that found the settings of {run.name} is left out: "
    try:
        folder = SearchFolder(run.folder.category.searches / check_name("search", name))
    except ConfigError as error:
        return None, [f"{left_out}{error}"]
    try:
        if not folder.config_file.is_file():
            return None, [f"{left_out}the category has no search {name} any more."]
        config, trials = folder.config(), folder.log().trials
        of_search, of_run = folder.read_made_of(), run.folder.read_made_of()
    except RunError as error:
        return None, [f"{left_out}{error}"]
    except (OSError, UnicodeDecodeError) as error:
        return None, [f"{left_out}{folder.path} cannot be read ({error})."]
    if any(trial.settings.keys() != config.space.keys() for trial in trials.values()):
        return None, [f"{left_out}its trials have other settings than {folder.config_file} says."]
    if of_search is not None and of_run is not None and (changed := of_search.differences(of_run)):
        return None, [f"{left_out}the search of that name was begun with other data than the run ({changed[0]})."]
    category = run.folder.category.path
    same = (one.name for one in runs if one.folder.search() == name and one.folder.category.path == category)
    return Search(name, config, trials, tuple(same)), []


@dataclass(frozen=True)
class PageContext:
    """The data of all sections of a page.

    Attributes:
        category: the name of the data set.
        prepared: its catalog and log, and how the log is divided.
        config: the protocol of the evaluations.
        runs: runs in the order of the request; the first is the reference.
        evaluations: evaluations of runs and baselines by name, all of the same T targets.
        slices: dimension -> slice -> mask of its targets, [T].
        vectors: item vectors of the first run, [n, d].
        seed: seed of all random choices.
        command: command that makes this page again.
        created: date of the page, as people write it.
        notes: notes on how the page was made.
        search: search that found the settings of a run; None if there is none, or it is gone.
        seeds: model -> its runs, one for each seed; each run is a model of its own if empty.
    """

    category: str
    prepared: PreparedSplit
    config: EvaluationConfig
    runs: tuple[Run, ...]
    evaluations: Mapping[str, Evaluation]
    slices: Mapping[str, Mapping[str, NDArray[np.bool_]]]
    vectors: NDArray[np.float32]
    seed: int
    command: str
    created: str
    notes: tuple[str, ...] = ()
    search: Search | None = None
    seeds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def dataset(self) -> Dataset:
        """The catalog and the log."""
        return self.prepared.dataset

    @property
    def partition(self) -> Partition:
        """How the log is divided."""
        return self.prepared.partition

    @cached_property
    def trained(self) -> dict[str, tuple[str, ...]]:
        """Model -> its runs, which differ in the seed alone, in the order of the runs."""
        return dict(self.seeds) or {run.name: (run.name,) for run in self.runs}

    @cached_property
    def models(self) -> dict[str, Model]:
        """Runs, then baselines, with the look of each."""
        runs = [run.name for run in self.runs]
        return page_models(runs, [name for name in self.evaluations if name not in runs])

    @property
    def reference(self) -> str:
        """The run that the others are compared with."""
        return self.runs[0].name

    @property
    def first(self) -> Evaluation:
        """The evaluation of the reference."""
        return self.evaluations[self.reference]

    @cached_property
    def popularity(self) -> NDArray[np.int64]:
        """Training events of each item, [n]."""
        return self.partition.training_counts(self.dataset.interactions)

    @cached_property
    def target_items(self) -> NDArray[np.int64]:
        """Catalog row of each target, [T]."""
        return self.dataset.interactions.item[self.first.event].astype(np.int64)

    @property
    def main_metric(self) -> str:
        """The metric of figures that show one metric: the first hit rate, else the first metric."""
        names = self.config.metrics
        return next((name for name in names if name.startswith(("hr@", "recall@"))), names[0])

    def lists(self, model: str) -> NDArray[np.int64] | None:
        """Return the catalog rows that a model lists first, -1 where there are none, [T, at most LIST].

        None where targets are ranked among a sample, of which no lists are kept.
        """
        top = self.evaluations[model].top
        return None if top is None else top[:, :LIST].astype(np.int64) - 1
