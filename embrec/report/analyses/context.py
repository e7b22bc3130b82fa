"""The context of an analysis: a finished run, its data, and the ranks of its test targets."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from embrec.comparisons.provenance import circumstances
from embrec.data.interactions import Interactions
from embrec.data.prepared import OnSplit, PreparedSplit
from embrec.data.splits import split_text
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
class AnalysisContext(OnSplit):
    """A finished run with its data.

    Attributes:
        run: folder of the run.
        config: configuration of the run.
        dataset: catalog and log, checked to be those that the run was trained on.
        partition: split of the run.
        notes: remarks on data that have changed since training, or cannot be checked.
    """

    run: RunFolder
    config: RunConfig
    prepared: PreparedSplit
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, run: RunFolder) -> "AnalysisContext":
        """Read the configuration and data of a run.

        Raises:
            RunError: the run is not finished, or its category now holds other data than it was trained on.
            DataError: its category does not exist any more.
        """
        run.read_metrics()
        ground = common_ground([run])
        return cls(run, run.config(), ground.prepared, ground.notes)

    @property
    def folder(self) -> Path:
        """The default folder for the analyses of the run."""
        return self.run.path / "analyses"

    @property
    def title(self) -> str:
        """Category, run and split, the start of the titles of figures."""
        return f"{self.run.category.name}, run {self.run.name}, {split_text(self.config.split)}"

    @cached_property
    def log(self) -> Interactions:
        """The log as the run's model reads it: with its context columns alone."""
        return log_of(self.run, self.dataset.interactions)

    @cached_property
    def popularity(self) -> NDArray:
        """Number of training events of each item, [n]."""
        return self.partition.training_counts(self.dataset.interactions)

    def name_of(self, row: int, length: int) -> str:
        """Return the title of an item of the catalog; see `item_title`."""
        return item_title(self.dataset.catalog, row, length)

    def evaluated(
        self, protocol: EvaluationConfig | None = None, *, keep: int = 0, progress: Progress = silent
    ) -> Evaluation:
        """Return the evaluation on the test targets, from the cache of the run if it is there.

        Args:
            protocol: protocol of the evaluation; that of training if None.
            keep: number of best items to keep for each target.
            progress: callback for the progress of the evaluation.

        Raises:
            RunError: the run does not fit its category any more.
        """
        config = protocol or self.config.evaluation
        return evaluate_runs([self.run], config=config, keep=keep, progress=progress)[self.run.name]

    def protocol_of_lists(self) -> EvaluationConfig:
        """Return the protocol of training, but with the whole catalog as candidates if that ranks among a sample."""
        config = self.config.evaluation
        whole = isinstance(config.candidates, Sampled)
        return config.model_copy(update={"candidates": AllItems()}) if whole else config

    def description(self, command: str, **values: Any) -> dict[str, Any]:
        """Return the header of the JSON file of an analysis: run, model, split and circumstances, as plain values.

        Args:
            command: command line of the analysis.
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
