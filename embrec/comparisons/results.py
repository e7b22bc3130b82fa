"""What a comparison of encoders found, as plain values: what the tables, the figure and `results.json` are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embrec.evaluation.evaluator import Evaluation
from embrec.evaluation.metrics import lower_is_better
from embrec.evaluation.statistics import Estimate, bootstrap_means, estimate, over_seeds

if TYPE_CHECKING:
    from embrec.comparisons.baselines import Baselines

CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Source:
    """One feature table that a model reads.

    Attributes:
        table: its name.
        encoder: identity of the encoder that made it.
        versions: of the libraries that made it.
        items: in the table.
        present: of them, with a vector.
        dim: length of a vector.
        density: share of entries that are not zero.
        encoded: distinct contents that were encoded.
        seconds: time that this took; None where no record is left.
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


@dataclass(frozen=True)
class TrainedRun:
    """One trained model: the name of its run, what it was begun with, and what the training took."""

    name: str
    seed: int
    fingerprint: str
    epochs: int
    best_epoch: int
    parameters: int
    seconds: float
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Measured:
    """One metric of one encoder: its estimate, and its mean on each seed alone."""

    estimate: Estimate
    seeds: tuple[float, ...]


# Slice of the targets -> metric -> value.
Measurements = Mapping[str, Mapping[str, Measured]]


@dataclass(frozen=True)
class Clusters:
    """How items were put into categories for the silhouette: by which column, to which depth, what came out.

    `is_text` says that the column is one of those that encoders of texts read, which makes the clusters easier for them.
    """

    column: str
    level: int | None
    is_text: bool
    items: int
    clusters: int


@dataclass(frozen=True)
class EncoderResult:
    """One encoder, or one fusion of several.

    Attributes:
        encoder: as it was asked for.
        sources: the tables that the models read.
        runs: one model a seed.
        silhouette: of the category clusters in the raw vectors; None where there are no categories.
        metrics: on the test targets, compared with the reference.
        without: for a fusion, table -> metrics when that source falls silent, compared with the whole fusion.
    """

    encoder: str
    sources: tuple[Source, ...]
    runs: tuple[TrainedRun, ...]
    silhouette: float | None
    metrics: Measurements
    without: Mapping[str, Measurements]

    @property
    def dim(self) -> int:
        """Numbers that stand for an item, over all sources."""
        return sum(source.dim for source in self.sources)

    @property
    def density(self) -> float:
        """The share of them that are not zero."""
        return sum(source.density * source.dim for source in self.sources) / self.dim

    @property
    def encoding_seconds(self) -> float | None:
        """What it took to encode the catalog; None where a source has no record of it."""
        seconds = [source.seconds for source in self.sources if source.seconds is not None]
        return sum(seconds) if len(seconds) == len(self.sources) else None

    @property
    def items_per_second(self) -> float | None:
        """How many distinct items are encoded in a second, by all sources one after the other."""
        if not self.encoding_seconds:
            return None
        return 1 / sum((source.seconds or 0) / max(1, source.encoded) for source in self.sources)


@dataclass(frozen=True)
class Comparison:
    """Encoders side by side.

    Attributes:
        name: of the comparison.
        category: the data set.
        seeds: of the models, one each.
        reference: the encoder that the others are compared with.
        metric_names: what was measured.
        targets: slice -> test targets in it; slices without targets are left out.
        clusters: what the silhouettes are of; None where the catalog has no categories.
        encoders: in the order they were asked for.
        failures: encoder -> why it could not be compared.
        description: configuration, data, machine, versions, command.
        folder: where its report is.
        baselines: what all of the models must beat.
    """

    name: str
    category: str
    seeds: tuple[int, ...]
    reference: str
    metric_names: tuple[str, ...]
    targets: Mapping[str, int]
    clusters: Clusters | None
    encoders: tuple[EncoderResult, ...]
    failures: Mapping[str, str]
    description: Mapping[str, Any]
    folder: Path
    baselines: "Baselines | None" = None

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON."""
        return {
            "comparison": self.name,
            "category": self.category,
            **self.description,
            "seeds": list(self.seeds),
            "reference": self.reference,
            "statistics": {
                "intervals": f"{CONFIDENCE:.0%} percentile bootstrap over users of the mean over seeds",
                "resamples": RESAMPLES,
                "tests": "paired, over users: bootstrap of the difference; Wilcoxon signed-rank, Holm over the encoders",
            },
            "targets": dict(self.targets),
            "silhouette of": None if self.clusters is None else {**asdict(self.clusters), "distance": "1 - cosine"},
            "encoders": [_encoder(result) for result in self.encoders],
            "failures": dict(self.failures),
            **({} if self.baselines is None else self.baselines.as_dict()),
        }


def measure(
    evaluations: Mapping[str, Sequence[Evaluation]],
    names: Sequence[str],
    reference: str,
    slices: Mapping[str, NDArray[np.bool_]] | None = None,
) -> dict[str, Measurements]:
    """Estimate the metrics of several models on the same targets, and compare them with one of them.

    Args:
        evaluations: model -> one evaluation a seed.
        names: of the metrics.
        reference: which model the others are compared with.
        slices: which targets belong to each slice, name -> [T]; those of the evaluations themselves if None.

    Returns:
        Model -> slice -> metric -> value; slices without targets are left out.
    """
    models = list(evaluations)
    results: dict[str, dict[str, dict[str, Measured]]] = {model: {} for model in models}
    for label, members in (evaluations[reference][0].slices() if slices is None else slices).items():
        if not members.any():
            continue
        by_seed = {
            (name, model): [one.values(name)[members] for one in evaluations[model]]
            for name in names
            for model in models
        }
        values = np.stack([over_seeds(seeds) for seeds in by_seed.values()], axis=1)  # [T, names x models]
        users = evaluations[reference][0].user[members]
        means = bootstrap_means(values, users, resamples=RESAMPLES)  # one drawing for all
        for place, name in enumerate(names):
            columns = slice(place * len(models), (place + 1) * len(models))
            estimates = estimate(
                values[:, columns], means[:, columns], models.index(reference), users=users, confidence=CONFIDENCE,
                lower_is_better=lower_is_better(name),
            )  # fmt: skip
            for model, one in zip(models, estimates, strict=True):
                seeds = tuple(float(seed.mean()) for seed in by_seed[name, model])
                results[model].setdefault(label, {})[name] = Measured(one, seeds)
    return dict(results)


def _encoder(result: EncoderResult) -> dict[str, Any]:
    return {
        "encoder": result.encoder,
        "dim": result.dim,
        "density": result.density,
        "encoding seconds": result.encoding_seconds,
        "items per second": result.items_per_second,
        "silhouette": result.silhouette,
        "metrics": plain_measurements(result.metrics),
        "without": {table: plain_measurements(values) for table, values in result.without.items()},
        "sources": [asdict(source) for source in result.sources],
        "runs": [asdict(run) for run in result.runs],
    }


def plain_measurements(measurements: Measurements) -> dict[str, dict[str, dict[str, Any]]]:
    """Return estimates, seeds and tests as plain values for JSON, slice -> metric -> values."""
    return {
        label: {name: _measured(value) for name, value in metrics.items()} for label, metrics in measurements.items()
    }


def _measured(value: Measured) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "mean": value.estimate.mean,
        "low": value.estimate.low,
        "high": value.estimate.high,
        "seeds": list(value.seeds),
        "lowest seed": min(value.seeds),
        "highest seed": max(value.seeds),
    }
    if value.estimate.test is not None:
        plain["against the reference"] = {**asdict(value.estimate.test), "verdict": value.estimate.test.verdict()}
    return plain
