"""The subject of an analysis: a finished run, the data it was trained on, and the ranks of its test targets."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from embrec.comparisons.provenance import circumstances
from embrec.data.interactions import Interactions
from embrec.data.prepared import PreparedSplit
from embrec.data.splits import Partition, split_text
from embrec.data.store import Dataset
from embrec.evaluation.candidates import AllItems, Sampled
from embrec.evaluation.evaluator import Evaluation, EvaluationConfig
from embrec.progress import Progress, silent
from embrec.report.titles import item_title
from embrec.runs.belonging import common_ground
from embrec.runs.config import RunConfig
from embrec.runs.evaluate import evaluate_runs
from embrec.runs.extras import log_of
from embrec.runs.folder import RunFolder


@dataclass(frozen=True)
class AnalysisContext:
    """A finished run and its data.

    Attributes:
        run: folder of the run.
        config: configuration of the run.
        prepared: the category as it is now and was when the run was trained, and the split that the run was trained on.
        notes: cautions about the data that the run was trained on: what is unknown or has changed since.
    """

    run: RunFolder
    config: RunConfig
    prepared: PreparedSplit
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, run: RunFolder) -> "AnalysisContext":
        """Read a run's configuration and data.

        Raises:
            RunError: the run is not finished, or was trained on other data than its category holds now.
            DataError: its category is gone.
        """
        run.read_metrics()
        ground = common_ground([run])
        return cls(run, run.config(), ground.prepared, ground.notes)

    @property
    def dataset(self) -> Dataset:
        """The catalog and the log."""
        return self.prepared.dataset

    @property
    def partition(self) -> Partition:
        """How the log is divided."""
        return self.prepared.partition

    @property
    def folder(self) -> Path:
        """The folder of the run's analyses, unless the caller names another."""
        return self.run.path / "analyses"

    @property
    def title(self) -> str:
        """Category, run and split: the beginning of the titles of figures."""
        return f"{self.run.category.name}, run {self.run.name}, {split_text(self.config.split)}"

    @cached_property
    def log(self) -> Interactions:
        """The log as the run's model reads it: with its context columns alone."""
        return log_of(self.run, self.dataset.interactions)

    @cached_property
    def popularity(self) -> NDArray:
        """The number of training events of each item, [n]."""
        return self.partition.training_counts(self.dataset.interactions)

    def name_of(self, row: int, length: int) -> str:
        """Return the title of an item of the catalog; see `item_title`."""
        return item_title(self.dataset.catalog, row, length)

    def evaluated(
        self, protocol: EvaluationConfig | None = None, *, keep: int = 0, progress: Progress = silent
    ) -> Evaluation:
        """Return the ranks of the test targets, from the run's folder if they are there.

        Args:
            protocol: the protocol; that of the training if None.
            keep: number of best items needed for each target.
            progress: called after every batch.

        Raises:
            RunError: the run does not fit its category any more.
        """
        config = protocol or self.config.evaluation
        return evaluate_runs([self.run], config=config, keep=keep, progress=progress)[self.run.name]

    def protocol_of_lists(self) -> EvaluationConfig:
        """Return the protocol of the training, with the whole catalog as candidates if it ranks among a sample."""
        config = self.config.evaluation
        whole = isinstance(config.candidates, Sampled)
        return config.model_copy(update={"candidates": AllItems()}) if whole else config

    def description(self, command: str, **values: Any) -> dict[str, Any]:
        """Return the head of an analysis' numbers as plain values: the run, its data and how they were made.

        Args:
            command: command that made them.
            values: further parameters of the analysis, such as its seed.
        """
        return {
            "category": self.run.category.name,
            "run": self.run.name,
            "model": self.config.model.model_dump(mode="json"),
            "split": split_text(self.config.split),
            **({"notes": list(self.notes)} if self.notes else {}),
            **values,
            **circumstances(self.dataset, self.partition, self.run.category, command),
        }
