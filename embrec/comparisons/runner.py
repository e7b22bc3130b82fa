"""Runner: builds feature tables, trains and evaluates each variant with each seed, and reuses what is finished."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import product
from typing import NamedTuple, TypeVar

from embrec.comparisons.results import SourceSummary, TrainedRun
from embrec.comparisons.silhouettes import SilhouetteCache
from embrec.comparisons.store import ComparisonFolder
from embrec.comparisons.variants import Variant
from embrec.data.prepared import PreparedSplit
from embrec.data.splits import SplitConfig
from embrec.errors import EmbrecError, RunError
from embrec.evaluation.evaluator import Evaluation, evaluate
from embrec.features.category import build_features
from embrec.features.table import FeatureTable
from embrec.models.registry import reads_of
from embrec.progress import Progress
from embrec.runs.ablation import model_without
from embrec.runs.assembly import learned_partition
from embrec.runs.cache import cached_evaluation
from embrec.runs.config import RunConfig
from embrec.runs.extras import log_of
from embrec.runs.folder import RunFolder
from embrec.runs.inputs import inputs_of, run_fingerprint
from embrec.runs.model import load_model
from embrec.runs.pipeline import train
from embrec.runs.provenance import MadeOf, targets_hash
from embrec.workspace import Category

Result = TypeVar("Result")


class VariantResult(NamedTuple):
    """The runs and evaluations of a variant, one per seed.

    Attributes:
        sources: feature tables that its models read.
        silhouette: silhouette in their vectors; None where there are no categories.
        runs: one per seed.
        evaluations: one per seed.
        without: for a fusion, table -> evaluations with that source zeroed, one per seed.
    """

    sources: tuple[SourceSummary, ...]
    silhouette: float | None
    runs: tuple[TrainedRun, ...]
    evaluations: tuple[Evaluation, ...]
    without: Mapping[str, tuple[Evaluation, ...]]


class _SeedResult(NamedTuple):
    """One trained model and its evaluations."""

    run: TrainedRun
    evaluation: Evaluation
    without: Mapping[str, Evaluation]


@dataclass
class Runner:
    """Trains and evaluates the variants of one comparison.

    Attributes:
        category: the folder that tables and runs lie in.
        split: division of the log.
        data: the data of the category, divided.
        folder: folder of the comparison, with its seeds.
        silhouettes: silhouettes of the vectors that variants read.
        progress: callback, called at every step.
        with_ablation: True to measure fusions also with each of their sources zeroed.
        failures: variant -> why it failed.
    """

    category: Category
    split: SplitConfig
    data: PreparedSplit
    folder: ComparisonFolder
    silhouettes: SilhouetteCache
    progress: Progress
    with_ablation: bool = False
    failures: dict[str, str] = field(default_factory=dict)
    _tables: dict[tuple[str, ...], list[FeatureTable]] = field(default_factory=dict)

    def run(self, variants: Mapping[str, Variant]) -> dict[str, VariantResult]:
        """Do all that is left to do, seed by seed, so that first results are there early.

        Args:
            variants: name -> variant.

        Returns:
            Variant -> its results; those that failed are left out and noted in `failures`.

        Raises:
            RunError: all failed.
        """
        tables = {
            name: found
            for name, variant in variants.items()
            if (found := self._try(name, partial(self._build, variant.features))) is not None
        }
        done: dict[str, list[_SeedResult]] = {name: [] for name in tables}
        total = len(self.folder.seeds) * len(tables)
        for place, (seed, name) in enumerate(product(self.folder.seeds, tables)):
            self.progress("runs", place, total)
            if name in self.failures:
                continue
            task = f"run {place + 1}/{total}: {name}, seed {seed}, epochs"
            if one := self._try(name, partial(self._seed, variants[name], tables[name], seed, task)):
                done[name].append(one)
        self.progress("runs", total, total)
        finished = {
            name: VariantResult(
                sources=tuple(map(SourceSummary.of, tables[name])),
                silhouette=self.silhouettes.of(tables[name]),
                runs=tuple(one.run for one in seeds),
                evaluations=tuple(one.evaluation for one in seeds),
                without={table: tuple(one.without[table] for one in seeds) for table in seeds[0].without},
            )
            for name, seeds in done.items()
            if name not in self.failures
        }
        if not finished:
            name, reason = next(iter(self.failures.items()))
            raise RunError(f"nothing could be compared; {name}: {reason}")
        return finished

    def _try(self, name: str, step: Callable[[], Result]) -> Result | None:
        """Return the result of a step for a variant, or note why it failed."""
        try:
            return step()
        except EmbrecError as error:
            self.failures[name] = str(error)
            return None

    def _build(self, specs: tuple[str, ...]) -> list[FeatureTable]:
        """Return the feature tables of some encoders; those that are missing are built."""
        if not specs:
            return []
        if specs not in self._tables:
            reports = build_features(self.category, specs, split=self.split, progress=self.progress)
            self._tables[specs] = [FeatureTable.open(report.path) for report in reports]
        return self._tables[specs]

    def _seed(self, variant: Variant, tables: Sequence[FeatureTable], seed: int, task: str) -> _SeedResult:
        """Train one model, or find it, and rank the test targets with it, also without each source of a fusion."""
        report = _as_notes(task, self.progress)
        config = _complete(variant.config, tables, seed)
        fingerprint = run_fingerprint(config, self.data.dataset, tables, self._extras_hash(config))
        read = "+".join(table.path.stem for table in tables)
        name = f"{_name_part(f'{variant.run_label} {read}')}-seed{seed}-{fingerprint[:8]}"
        result = train(self.category, config, name, progress=report)
        run = result.run
        made_of = run.read_made_of()
        if made_of is not None and made_of.data != self._data_hashes:
            raise RunError(f"category {self.category.name!r} was imported again meanwhile; run the command again")
        silenced = [table.path.stem for table in tables] if self.with_ablation and len(tables) > 1 else []
        evaluation = self._evaluation(run, config, tables, None, report)
        without = {source: self._evaluation(run, config, tables, source, report) for source in silenced}
        metrics = result.metrics
        selected = f"{config.training.select_by} {metrics['valid'][config.training.select_by]:.4f}"
        epochs = metrics["epochs"]
        self.progress(
            task, epochs, epochs, f"(best {metrics['best epoch']}, valid {selected}{', found' * result.reused})"
        )
        return _SeedResult(replace(TrainedRun.of(run), fingerprint=fingerprint), evaluation, without)

    def _extras_hash(self, config: RunConfig) -> bytes:
        """Return a hash of the relations, attributes, context and users that a model reads; empty for most models."""
        return inputs_of(self.category, config, self.data).extras_hash if reads_of(config.model) else b""

    def _evaluation(
        self, run: RunFolder, config: RunConfig, tables: Sequence[FeatureTable], without: str | None, progress: Progress
    ) -> Evaluation:
        """Return the ranks of the test targets, with the source `without` zeroed if one is named; reused if kept."""
        data = self.data

        def compute() -> Evaluation:
            found = self.folder.earlier_evaluation(run, without)
            if found is not None:
                return found
            model = load_model(run).model if without is None else model_without(run, tables, without)
            return evaluate(
                model,
                log_of(run, data.interactions),
                data.partition,
                data.partition.test,
                config.evaluation,
                max_length=config.model.max_length,
                progress=progress,
                learned=learned_partition(config, data.interactions, data.partition),
                task="rank" if without is None else f"rank without {without}",
            )

        return cached_evaluation(run, config.evaluation, 0, compute, log=self._targets_hash, without=without)

    @cached_property
    def _targets_hash(self) -> bytes:
        return targets_hash(self.data.interactions, self.data.partition)

    @cached_property
    def _data_hashes(self) -> tuple[str, ...]:
        return MadeOf.of(self.data.dataset, self.data.partition).data


def _complete(config: RunConfig, tables: Sequence[FeatureTable], seed: int) -> RunConfig:
    """Return the configuration of one run: that of its variant with feature tables and seed."""
    values = config.model_dump()
    values["model"]["features"], values["training"]["seed"] = tuple(table.path.stem for table in tables), seed
    return RunConfig.model_validate(values)


def _as_notes(task: str, progress: Progress) -> Progress:
    """Return a progress callback that shows the steps of a run as notes of one task of unknown length."""
    whole = task

    def show(task: str, done: int, total: int | None, note: str = "") -> None:
        progress(whole, 0, None, f"{task} {done}/{total} {note}".rstrip())

    return show


def _name_part(text: str) -> str:
    """Return a text that can be part of a folder's name."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:60]
