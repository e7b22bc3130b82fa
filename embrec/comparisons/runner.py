"""The work of a comparison: tables, runs, rankings and silhouettes, each made once and found again."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import product
from typing import NamedTuple, TypeVar

import numpy as np

from embrec.comparisons.results import Clusters, Source, TrainedRun
from embrec.comparisons.store import ComparisonFolder
from embrec.data.splits import Partition
from embrec.data.store import Dataset
from embrec.errors import EmbrecError, RunError
from embrec.evaluation.evaluator import Evaluation, evaluate
from embrec.evaluation.silhouette import Clustered, clustered, cosine_silhouette
from embrec.features.category import build_features
from embrec.features.table import FeatureTable
from embrec.progress import Progress
from embrec.runs.ablation import model_without
from embrec.runs.assembly import learned_partition
from embrec.runs.config import RunConfig
from embrec.runs.extras import log_of
from embrec.runs.folder import RunFolder
from embrec.runs.inputs import run_fingerprint, vectors
from embrec.runs.model import load_model
from embrec.runs.pipeline import train
from embrec.runs.provenance import MadeOf
from embrec.workspace import Category

Result = TypeVar("Result")


class Side(NamedTuple):
    """One of the things that are compared: a way to train a model.

    Attributes:
        specs: the encoders that it reads.
        config: how it is trained, but for features and seed; split and evaluation are those of all sides.
        label: what the names of its runs begin with, before those of the tables.
    """

    specs: Sequence[str]
    config: RunConfig
    label: str = ""


class Work(NamedTuple):
    """What was done for one side: its sources and their silhouette, and one run and evaluation a seed.

    For a fusion `without` has the evaluations in which a source was silent, table -> one a seed.
    """

    sources: tuple[Source, ...]
    silhouette: float | None
    runs: tuple[TrainedRun, ...]
    evaluations: tuple[Evaluation, ...]
    without: Mapping[str, tuple[Evaluation, ...]]


class _Seed(NamedTuple):
    """One trained model and its evaluations."""

    run: TrainedRun
    evaluation: Evaluation
    without: Mapping[str, Evaluation]


@dataclass
class Bench:
    """Does the work of one comparison.

    Attributes:
        category: where tables and runs lie.
        dataset: the prepared data.
        partition: how it is split.
        folder: where rankings and silhouettes are kept.
        progress: told of every step.
        column: of the categories for the silhouette, if there is one.
        level: how many names of a category path count.
        knockouts: fusions are measured without each of their sources too.
        failures: side -> why it failed.
    """

    category: Category
    dataset: Dataset
    partition: Partition
    folder: ComparisonFolder
    progress: Progress
    column: str | None = None
    level: int | None = None
    knockouts: bool = True
    failures: dict[str, str] = field(default_factory=dict)
    _built: dict[tuple[str, ...], list[FeatureTable]] = field(default_factory=dict)

    def work(self, sides: Mapping[str, Side]) -> dict[str, Work]:
        """Do all that is left to do, seed by seed, so that a first answer is there early.

        Args:
            sides: name -> what is trained.

        Returns:
            Side -> what was done; those that failed are left out and stand in `failures`.

        Raises:
            RunError: all failed.
        """
        tables = {
            name: found
            for name, side in sides.items()
            if (found := self._try(name, partial(self._tables, side))) is not None
        }
        seeds: dict[str, list[_Seed]] = {name: [] for name in tables}
        total = len(self.folder.seeds) * len(tables)
        for done, (seed, name) in enumerate(product(self.folder.seeds, tables)):
            self.progress("runs", done, total)
            if name in self.failures:
                continue
            task = f"run {done + 1}/{total}: {name}, seed {seed}, epochs"
            if one := self._try(name, partial(self._seed, sides[name], tables[name], seed, task)):
                seeds[name].append(one)
        self.progress("runs", total, total)
        finished = {
            name: Work(
                sources=tuple(map(_source, tables[name])),
                silhouette=self._silhouette(tables[name]),
                runs=tuple(one.run for one in done),
                evaluations=tuple(one.evaluation for one in done),
                without={table: tuple(one.without[table] for one in done) for table in done[0].without},
            )
            for name, done in seeds.items()
            if name not in self.failures
        }
        if not finished:
            name, reason = next(iter(self.failures.items()))
            raise RunError(f"nothing could be compared; {name}: {reason}")
        return finished

    def _try(self, name: str, step: Callable[[], Result]) -> Result | None:
        """Do a step for a side; note why where it cannot be done."""
        try:
            return step()
        except EmbrecError as error:
            self.failures[name] = str(error)
            return None

    def _tables(self, side: Side) -> list[FeatureTable]:
        """Build the tables of a side's sources, or find them."""
        specs = tuple(side.specs)
        if specs not in self._built:
            reports = build_features(self.category, specs, split=side.config.split, progress=self.progress)
            self._built[specs] = [FeatureTable.open(report.path) for report in reports]
        return self._built[specs]

    def _seed(self, side: Side, tables: Sequence[FeatureTable], seed: int, task: str) -> _Seed:
        """Train one model, or find it, and rank the test targets with it, also without each source of a fusion."""
        report = _within(task, self.progress)
        config = _config(side.config, tables, seed)
        name = f"{_plain(' '.join([side.label, '+'.join(table.path.stem for table in tables)]))}-seed{seed}"
        fingerprint = run_fingerprint(config, self.dataset, tables)
        result = train(self.category, config, f"{name}-{fingerprint[:8]}", progress=report)
        run = result.run
        made_of = run.read_made_of()
        if made_of is not None and made_of.data != self._data:
            raise RunError(f"category {self.category.name!r} was imported again meanwhile; run the command again")
        silenced = [table.path.stem for table in tables] if self.knockouts and len(tables) > 1 else []
        evaluation = self._evaluation(run, config, tables, None, report)
        without = {source: self._evaluation(run, config, tables, source, report) for source in silenced}
        metrics = result.metrics
        selected = f"{config.training.select_by} {metrics['valid'][config.training.select_by]:.4f}"
        epochs = metrics["epochs"]
        self.progress(
            task, epochs, epochs, f"(best {metrics['best epoch']}, valid {selected}{', found' * result.reused})"
        )
        trained = TrainedRun(
            run.name, seed, fingerprint, epochs, metrics["best epoch"], metrics["parameters"],
            metrics["seconds"]["training and validation"], metrics["versions"],
        )  # fmt: skip
        return _Seed(trained, evaluation, without)

    def _evaluation(
        self, run: RunFolder, config: RunConfig, tables: Sequence[FeatureTable], without: str | None, progress: Progress
    ) -> Evaluation:
        """Return the ranks of the test targets, without one of the sources if that is named; kept ones where they are there."""
        found = self.folder.evaluation(run, without)
        if found is None:
            model = load_model(run).model if without is None else model_without(run, tables, without)
            found = evaluate(
                model, log_of(run, self.dataset.interactions), self.partition, self.partition.test, config.evaluation,
                max_length=config.model.max_length, progress=progress,
                learned=learned_partition(config, self.dataset.interactions, self.partition),
                task="rank" if without is None else f"rank without {without}",
            )  # fmt: skip
            self.folder.save_evaluation(run, found, without)
        return found

    @cached_property
    def _data(self) -> tuple[str, ...]:
        return MadeOf.of(self.dataset, self.partition).data

    @cached_property
    def _clustered(self) -> Clustered:
        return clustered(self.dataset.catalog, self.column, self.level)

    def clusters(self) -> Clusters | None:
        """Say which categories the silhouettes are of; None where there are none."""
        rows, labels = self._clustered
        if self.column is None or not len(rows):
            return None
        is_text = self.column in self.dataset.catalog.text_columns
        return Clusters(self.column, self.level, is_text, len(rows), len(np.unique(labels)))

    def _silhouette(self, tables: Sequence[FeatureTable]) -> float | None:
        if self.column is None:
            return None
        rows, labels = self._clustered.among(np.any([table.present for table in tables], axis=0))
        digest = hashlib.blake2b(rows.tobytes() + labels.tobytes(), digest_size=8)
        for table in tables:
            digest.update(table.path.stem.encode() + np.ascontiguousarray(table.fingerprints).tobytes())
        try:
            return self.folder.silhouette(digest.hexdigest())
        except KeyError:
            value = cosine_silhouette([vectors(table)[rows] for table in tables], labels)
            self.folder.save_silhouette(digest.hexdigest(), value)
            return value


def _config(config: RunConfig, tables: Sequence[FeatureTable], seed: int) -> RunConfig:
    values = config.model_dump()
    values["model"]["features"], values["training"]["seed"] = tuple(table.path.stem for table in tables), seed
    return RunConfig.model_validate(values)


def _within(task: str, progress: Progress) -> Progress:
    """Return a progress callback that shows the steps of a run as notes of one task whose length is not known."""
    whole = task

    def show(task: str, done: int, total: int | None, note: str = "") -> None:
        progress(whole, 0, None, f"{task} {done}/{total} {note}".rstrip())

    return show


def _source(table: FeatureTable) -> Source:
    attributes = table.attributes
    return Source(
        table=table.path.stem,
        encoder=attributes["encoder"],
        versions=attributes["versions"],
        items=len(table),
        present=int(table.present.sum()),
        dim=table.dim,
        density=attributes["density"],
        encoded=attributes["encoded"] or 0,
        seconds=attributes["seconds"],
    )


def _plain(text: str) -> str:
    """Return a text that can be part of a folder's name."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:60]
