"""The context of a page: the data, the runs with their logs, and the evaluation of every model."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.data.prepared import OnSplit, PreparedSplit
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

LIST = 10  # number of items of a list that the page considers


@dataclass(frozen=True)
class Run:
    """One finished run.

    Attributes:
        folder: folder of the run.
        config: configuration of the run.
        metrics: content of `metrics.json`.
        epochs: lines of `events.jsonl`; empty if the file is missing.
        leaks: report of the leak checks; None if the run was not checked.
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
        RunError: the folder is not a run, the run is not finished, or a file is damaged.
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
    """Parse a line of JSON.

    Raises:
        RunError: the line is damaged.
    """
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise RunError(f"{path} is damaged ({error.msg}); delete it to make the report without it") from None
    return values if isinstance(values, dict) else {}


@dataclass(frozen=True)
class Search:
    """A search that found the settings of a run.

    Attributes:
        name: name of the search within its category.
        config: configuration of the search.
        trials: trials by number.
        runs: names of the runs on the page that were trained with its best settings.
    """

    name: str
    config: SearchConfig
    trials: Mapping[int, Trial]
    runs: tuple[str, ...]


def read_search(runs: Sequence[Run]) -> tuple[Search | None, list[str]]:
    """Read the search of the first run that came from a search.

    Returns:
        The search, and notes on why it is missing. The search is None if no run came from one, or if it cannot be read.
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
class PageContext(OnSplit):
    """The inputs of all sections.

    Attributes:
        category: name of the data set.
        dataset: its catalog and log.
        partition: split of the log.
        config: protocol of the evaluations.
        runs: runs in the given order; the first is the reference.
        evaluations: name of a run or baseline -> evaluation, all on the same T targets.
        slices: dimension -> slice -> mask of its targets, [T].
        vectors: item vectors of the reference, [n, d].
        seed: seed of all random selections.
        command: command line that makes the page.
        created: date of the page, in words.
        notes: remarks on data and runs for readers of the page.
        search: search that found the settings of a run; None if there is none, or if it cannot be read.
        seeds: model -> names of its runs, one per seed; if empty, each run is a model of its own.
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

    @cached_property
    def trained(self) -> dict[str, tuple[str, ...]]:
        """Trained model -> names of its runs, which differ only in the seed; in the order of the runs."""
        return dict(self.seeds) or {run.name: (run.name,) for run in self.runs}

    @cached_property
    def models(self) -> dict[str, Model]:
        """Runs and then baselines, with the name, colour and marker of each."""
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
        """Number of training events of each item, [n]."""
        return self.partition.training_counts(self.dataset.interactions)

    @cached_property
    def target_items(self) -> NDArray[np.int64]:
        """Catalog row of each target, [T]."""
        return self.dataset.interactions.item[self.first.event].astype(np.int64)

    @property
    def main_metric(self) -> str:
        """The metric of figures with a single one: the first hit rate or recall, else the first metric."""
        names = self.config.metrics
        return next((name for name in names if name.startswith(("hr@", "recall@"))), names[0])

    def lists(self, model: str) -> NDArray[np.int64] | None:
        """Return the catalog rows of the recommendations of a model, best first, padded with -1, [T, at most LIST].

        None if targets are ranked among a sample, since there are then no lists of the whole catalog.
        """
        top = self.evaluations[model].top
        return None if top is None else top[:, :LIST].astype(np.int64) - 1
