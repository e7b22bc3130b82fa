"""Metrics of several models on the same targets: means, confidence intervals and paired tests."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.evaluation.evaluator import Evaluation
from embrec.evaluation.metrics import lower_is_better
from embrec.evaluation.statistics import Estimate, bootstrap_means, estimate, mean_interval, over_seeds

CONFIDENCE = 0.95
RESAMPLES = 2000


@dataclass(frozen=True)
class Measured:
    """One metric of one model: its estimate, and its mean on each seed alone."""

    estimate: Estimate
    seeds: tuple[float, ...]

    def over_seeds(self) -> tuple[float, float] | None:
        """Return the confidence interval of the mean over the seeds, by Student's t; None for a single seed."""
        if len(self.seeds) < 2:
            return None
        mean, half_width = mean_interval(self.seeds, CONFIDENCE)
        return mean - half_width, mean + half_width


# Slice of the targets -> metric -> value.
Measurements = Mapping[str, Mapping[str, Measured]]


def measure(
    evaluations: Mapping[str, Sequence[Evaluation]],
    names: Sequence[str],
    reference: str,
    slices: Mapping[str, NDArray[np.bool_]] | None = None,
) -> dict[str, Measurements]:
    """Estimate the metrics of several models on the same targets, and compare them with one of them.

    Args:
        evaluations: model -> one evaluation per seed.
        names: the metrics.
        reference: the model that the others are compared with.
        slices: targets of each slice, name -> [T]; those of the evaluations themselves if None.

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
        means = bootstrap_means(values, users, resamples=RESAMPLES)  # all columns share the drawings
        for place, name in enumerate(names):
            columns = slice(place * len(models), (place + 1) * len(models))
            estimates = estimate(
                values[:, columns],
                means[:, columns],
                models.index(reference),
                users=users,
                confidence=CONFIDENCE,
                lower_is_better=lower_is_better(name),
            )
            for model, one in zip(models, estimates, strict=True):
                seeds = tuple(float(seed.mean()) for seed in by_seed[name, model])
                results[model].setdefault(label, {})[name] = Measured(one, seeds)
    return dict(results)


def measure_against(
    evaluations: Mapping[str, Sequence[Evaluation]], references: Mapping[str, str], names: Sequence[str]
) -> dict[str, Measurements]:
    """Estimate the metrics of several models, each compared with a reference of its own; see `measure`.

    Args:
        evaluations: model -> one evaluation per seed.
        references: model -> the model that it is compared with, itself for a reference.
        names: the metrics.
    """
    measured: dict[str, Measurements] = {}
    for reference in dict.fromkeys(references.values()):
        group = [model for model, its in references.items() if its == reference]
        measured |= measure({model: evaluations[model] for model in group}, names, reference)
    return measured


def plain_measurements(measurements: Measurements) -> dict[str, dict[str, dict[str, Any]]]:
    """Return estimates, seeds and tests as plain values for JSON, slice -> metric -> values."""
    return {
        label: {name: _plain_value(value) for name, value in metrics.items()} for label, metrics in measurements.items()
    }


def _plain_value(value: Measured) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "mean": value.estimate.mean,
        "low": value.estimate.low,
        "high": value.estimate.high,
        "seeds": list(value.seeds),
        "lowest seed": min(value.seeds),
        "highest seed": max(value.seeds),
        "over seeds": value.over_seeds(),
    }
    if value.estimate.test is not None:
        plain["against the reference"] = {**asdict(value.estimate.test), "verdict": value.estimate.test.verdict()}
    return plain
