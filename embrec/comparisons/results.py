"""Comparison: models side by side on the same targets, what tables, figures, JSON and CSV files are made of."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from embrec.comparisons.measurements import CONFIDENCE, RESAMPLES, Measurements, plain_measurements
from embrec.comparisons.provenance import settings_of
from embrec.data.splits import SplitConfig
from embrec.evaluation.evaluator import Evaluation, EvaluationConfig
from embrec.features.table import FeatureTable
from embrec.runs.config import RunConfig
from embrec.runs.folder import RunFolder


@dataclass(frozen=True)
class SourceSummary:
    """A feature table that a model reads.

    Attributes:
        table: its name.
        encoder: identity of the encoder that made it.
        versions: versions of the libraries that made it.
        items: number of items in the table.
        present: number of items with a vector.
        dim: length of a vector.
        density: share of entries that are not zero.
        encoded: number of distinct contents that were encoded.
        seconds: time that the encoding took; None where no record is left.
    """

    table: str
    encoder: Mapping[str, Any]
    versions: Mapping[str, str]
    items: int
    present: int
    dim: int
    density: float
    encoded: int
    seconds: float | None

    @classmethod
    def of(cls, table: FeatureTable) -> "SourceSummary":
        """Return the summary of a feature table."""
        attributes = table.attributes
        return cls(
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


@dataclass(frozen=True)
class TrainedRun:
    """A finished run in short: its name, seed and fingerprint, and what the training took."""

    name: str
    seed: int
    fingerprint: str
    epochs: int
    best_epoch: int
    parameters: int
    seconds: float
    versions: Mapping[str, str]

    @classmethod
    def of(cls, run: RunFolder) -> "TrainedRun":
        """Return a finished run in short.

        Raises:
            RunError: the run cannot be read.
        """
        metrics = run.read_metrics()
        return cls(
            name=run.name,
            seed=run.config().training.seed,
            fingerprint=run.fingerprint(),
            epochs=metrics["epochs"],
            best_epoch=metrics["best epoch"],
            parameters=metrics["parameters"],
            seconds=metrics["seconds"]["training and validation"],
            versions=metrics["versions"],
        )


@dataclass(frozen=True)
class Clusters:
    """Categories of items that silhouettes are measured on.

    Attributes:
        column: column of the catalog, where the categories stand.
        level: number of names of a category path that count; None for all.
        is_text: True if text encoders read the column, which makes the clusters easier for them.
        items: number of items in a category.
        clusters: number of categories.
    """

    column: str
    level: int | None
    is_text: bool
    items: int
    clusters: int


@dataclass(frozen=True)
class Row:
    """One variant and its results.

    Attributes:
        name: name of the variant, unique within the comparison.
        labels: column -> value: what tells the variant apart in tables, such as its loss and number of negatives.
        runs: one finished run per seed; none for a baseline.
        metrics: metrics on the test targets, compared with the reference.
        reference: name of the row that this one is compared with; its own for the reference itself.
        config: the configuration of its runs without features and seed; None where it does not matter.
        sources: feature tables that the models read.
        silhouette: silhouette of the category clusters in the raw vectors; None where there are no categories.
        without: for a fusion, table -> metrics with that source zeroed, compared with the whole fusion.
        lists: figures of the recommended lists, mean over seeds; empty where no lists were requested.
    """

    name: str
    labels: Mapping[str, str]
    runs: tuple[TrainedRun, ...]
    metrics: Measurements
    reference: str
    config: RunConfig | None = None
    sources: tuple[SourceSummary, ...] = ()
    silhouette: float | None = None
    without: Mapping[str, Measurements] = field(default_factory=dict)
    lists: Mapping[str, float] = field(default_factory=dict)

    @property
    def dim(self) -> int:
        """Length of an item's vectors, over all sources."""
        return sum(source.dim for source in self.sources)

    @property
    def density(self) -> float | None:
        """Share of the vectors' entries that are not zero; None without sources."""
        return sum(source.density * source.dim for source in self.sources) / self.dim if self.dim else None

    @property
    def encoding_seconds(self) -> float | None:
        """Time to encode the catalog; None where a source has no record of it, or without sources."""
        seconds = [source.seconds for source in self.sources if source.seconds is not None]
        return sum(seconds) if self.sources and len(seconds) == len(self.sources) else None

    @property
    def items_per_second(self) -> float | None:
        """Distinct items encoded in a second, by all sources one after the other."""
        if not self.encoding_seconds:
            return None
        return 1 / sum((source.seconds or 0) / max(1, source.encoded) for source in self.sources)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain values for JSON."""
        return {
            "row": self.name,
            **self.labels,
            "reference": self.reference,
            "dim": self.dim,
            "density": self.density,
            "encoding seconds": self.encoding_seconds,
            "items per second": self.items_per_second,
            "silhouette": self.silhouette,
            "metrics": plain_measurements(self.metrics),
            "without": {table: plain_measurements(values) for table, values in self.without.items()},
            "config": None if self.config is None else settings_of(self.config),
            "sources": [asdict(source) for source in self.sources],
            "runs": [asdict(run) for run in self.runs],
        }


@dataclass(frozen=True)
class Baselines:
    """Baselines beside the rows of a comparison, and what training brought over the best of them.

    Attributes:
        metrics: baseline -> its metrics, tested against the reference of the first row, apart from the other rows.
        lines: the models against the best baseline, in a line or two.
        warnings: cautions about figures that are too good, or too poor, by construction.
        notes: baselines that are left out, and why.
    """

    metrics: Mapping[str, Measurements] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """Return the lines that stand below a table."""
        warnings = [f"warning: {one}" for one in self.warnings]
        return [*self.lines, *warnings, *(f"note: {one}" for one in self.notes)]


@dataclass(frozen=True)
class Subject:
    """One way to compare: the name of what is compared, and the form of its report.

    Attributes:
        name: name of what is compared, in the plural, such as `encoders`; part of the names of folders.
        interval: intervals in the first table: "users" for bootstrap over users, "seeds" for Student's t over seeds.
        title: template of a table's title, with `category`, `split`, `protocol`, `targets` (a number) and `label` (a slice).
        label_of_all: the slice of all targets, as titles have it.
        rows_key: key of the rows in `results.json`.
        figure: panels of the figure: "slices" for bars by slice of the targets, "losses" for a bar per loss, "counts" for lines
            over the numbers of negatives.
        figure_metrics: panels of a figure of slices, as far as they are measured; the first two metrics if none is.
        costs: columns of what encoding and training take; see `embrec.comparisons.tables`.
        with_csv: also write `results.csv`.
        remark: last paragraph of the report, such as the differences from a published figure.
    """

    name: str
    interval: Literal["users", "seeds"]
    title: str = "{category}, {split}, {label}: {targets:,} test targets {protocol}"
    label_of_all: str = "all"
    rows_key: str = "rows"
    figure: Literal["slices", "losses", "counts"] = "slices"
    figure_metrics: tuple[str, ...] = ()
    costs: tuple[str, ...] = ("learning rate", "best epoch", "epochs", "training s")
    with_csv: bool = True
    remark: str = ""


@dataclass(frozen=True)
class Breakdown:
    """Metrics by one more division of the targets, such as by the length of the history.

    Attributes:
        targets: slice -> number of test targets.
        metrics: row -> slice -> metric -> value.
    """

    targets: Mapping[str, int]
    metrics: Mapping[str, Measurements]


@dataclass(frozen=True)
class Comparison:
    """Models side by side: rows x slices of the test targets x metrics x seeds.

    Attributes:
        subject: the way to compare.
        category: the data set.
        columns: labels that tell the rows apart in tables.
        metric_names: metrics in the order of the tables.
        targets: slice -> number of test targets; slices without targets are left out.
        rows: the variants that were measured.
        split: division of the data.
        protocol: how the test targets are ranked.
        name: name of the comparison; empty where finished runs are compared, which leaves no folder.
        seeds: seeds of the models, one each; empty where each row has its own.
        folder: where the report is, if there is one.
        failures: variant -> why it could not be compared.
        notes: variants that were left out from the start, and why.
        training: sentences on how all rows were trained, for the report.
        description: configuration, data, machine, versions and command, as plain values.
        baselines: baselines beside the rows.
        clusters: categories that silhouettes are measured on; None where there are none.
        breakdowns: dimension -> metrics by its slices.
        void: (slice, metric) where so few candidates are left that every model has the same value.
        evaluations: row -> ranks of the test targets, one evaluation per seed.
    """

    subject: Subject
    category: str
    columns: tuple[str, ...]
    metric_names: tuple[str, ...]
    targets: Mapping[str, int]
    rows: tuple[Row, ...]
    split: SplitConfig
    protocol: EvaluationConfig
    name: str = ""
    seeds: tuple[int, ...] = ()
    folder: Path | None = None
    failures: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    training: str = ""
    description: Mapping[str, Any] = field(default_factory=dict)
    baselines: Baselines = Baselines()
    clusters: Clusters | None = None
    breakdowns: Mapping[str, Breakdown] = field(default_factory=dict)
    void: frozenset[tuple[str, str]] = frozenset()
    evaluations: Mapping[str, Sequence[Evaluation]] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """Name of the row that the first one is compared with, usually itself."""
        return self.rows[0].reference

    @property
    def references(self) -> list[str]:
        """Names of all rows that others are compared with."""
        return list(dict.fromkeys(row.reference for row in self.rows))

    @property
    def has_tests(self) -> bool:
        """True if some row is compared with another one."""
        return len(self.references) < len(self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON."""
        clusters = None if self.clusters is None else {**asdict(self.clusters), "distance": "1 - cosine"}
        return {
            "comparison": self.name,
            "subject": self.subject.name,
            "category": self.category,
            **self.description,
            "seeds": list(self.seeds),
            "reference": self.reference,
            "statistics": statistics(
                f"the {self.subject.name}" if self.subject.interval == "users" else "a reference's rows"
            ),
            "targets": dict(self.targets),
            "silhouette of": clusters,
            self.subject.rows_key: [row.as_dict() for row in self.rows],
            "failures": dict(self.failures),
            "notes": list(self.notes),
            "baselines": {name: plain_measurements(values) for name, values in self.baselines.metrics.items()},
            "verdict": list(self.baselines.lines),
            "warnings": list(self.baselines.warnings),
        }

    def as_csv(self) -> str:
        """Return one line for each row, slice and metric."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        labels = list(self.rows[0].labels)
        columns = [*labels, "targets on", "metric", "mean", "low over seeds", "high over seeds", "low over users"]
        writer.writerow([*columns, "high over users", *(f"seed {seed}" for seed in self.seeds)])
        for row in self.rows:
            for label, metrics in row.metrics.items():
                for name, value in metrics.items():
                    ends = [*(value.over_seeds() or ("", "")), value.estimate.low, value.estimate.high]
                    what = [*row.labels.values(), label, name]
                    writer.writerow([*what, value.estimate.mean, *ends, *value.seeds])
        return text.getvalue()


def statistics(compared: str) -> dict[str, Any]:
    """Return how intervals and tests are made, for JSON.

    Args:
        compared: rows that Holm's correction counts.
    """
    over_users = f"{CONFIDENCE:.0%} percentile bootstrap over users of the mean over seeds"
    return {
        "intervals": over_users,
        "over users": over_users,
        "over seeds": f"{CONFIDENCE:.0%} interval of the mean over seeds, by Student's t",
        "resamples": RESAMPLES,
        "tests": f"paired, over users: bootstrap of the difference; Wilcoxon signed-rank, Holm over {compared}",
    }
