"""The results: every metric of every model with its interval, and what the paired tests against the first run say."""

from collections.abc import Mapping

import numpy as np

from embrec.comparisons.measurements import CONFIDENCE, RESAMPLES, Measured, Measurements, measure
from embrec.comparisons.tables import p_value
from embrec.evaluation.evaluator import Evaluation
from embrec.evaluation.metrics import lower_is_better, parse_metric
from embrec.evaluation.statistics import PairedTest
from embrec.report.page.context import PageContext
from embrec.report.page.dots import dots
from embrec.report.page.html_parts import (
    NONE,
    Cell,
    HtmlTable,
    Panels,
    Section,
    between,
    count,
    mark,
    percent,
    shown_metric,
    signed,
)

FEW = 30  # users; with fewer, a mean says little

_TITLES = {"all": "All targets", "warm items": "Warm items", "cold items": "Cold items"}
_MEANING = {
    "warm items": "whose next item was learned from",
    "cold items": "whose next item has no training event",
}


def results_section(material: PageContext, measured: Mapping[str, Measurements]) -> Section:
    """Return the section, from what `measure_all` returned."""
    names = material.config.metrics
    present = list(measured[material.reference])
    shown = names[:3]
    figures = [
        dots(
            f"result-{name.replace('@', '-')}",
            shown_metric(name),
            [f"{_TITLES.get(label, label)}\n{count(_targets(material, label))}" for label in present],
            {
                key: [measured[key][label][name].estimate if label in measured[key] else None for label in present]
                for key in material.models
            },
            material.models,
            shown_metric(name),
        )
        for name in shown
    ]
    caption = (
        f"{', '.join(map(shown_metric, shown))} with {percent(CONFIDENCE, 0)} intervals; "
        "below each label, the number of targets."
    )
    return Section(
        "results",
        "Results",
        "results.html.j2",
        {
            "panels": Panels(caption, figures, list(material.models)),
            "tables": [_table(material, measured, label) for label in present],
            "differences": _differences(material, measured) if len(material.models) > 1 else None,
            "reference": material.reference,
            "resamples": RESAMPLES,
            "confidence": percent(CONFIDENCE, 0),
            "meanings": [(shown_metric(name), meaning(name)) for name in names],
        },
    )


def measure_all(material: PageContext) -> dict[str, Measurements]:
    """Estimate every metric of every model on all, warm and cold targets, and test them against the first run."""
    evaluations = {name: [material.evaluations[name]] for name in material.models}
    return measure(evaluations, material.config.metrics, material.reference)


def meaning(metric: str) -> str:
    """Return what a metric means, in plain words."""
    found, k = parse_metric(metric)
    return found.meaning(k)


def too_few(evaluation: Evaluation, label: str) -> bool:
    """Say whether a slice has too few users for its means to mean much."""
    return len(np.unique(evaluation.user[evaluation.slices()[label]])) < FEW


def _best(material: PageContext, measured: Mapping[str, Measurements], label: str, name: str) -> float | None:
    """Return the best mean of a column; None where all models have the same."""
    means = [measured[key][label][name].estimate.mean for key in material.models]
    if len(set(means)) == 1 < len(means):
        return None
    return min(means) if lower_is_better(name) else max(means)


def _targets(material: PageContext, label: str) -> int:
    return int(material.first.slices()[label].sum())


def _table(material: PageContext, measured: Mapping[str, Measurements], label: str) -> HtmlTable:
    names = material.config.metrics
    best = {name: _best(material, measured, label, name) for name in names}
    rows = [
        (Cell(model.name, key=key), *(_cell(measured[key][label][name], best[name]) for name in names))
        for key, model in material.models.items()
    ]
    targets = f"{count(_targets(material, label))} targets"
    detail = f"{targets} {_MEANING[label]}" if label in _MEANING else targets
    detail += ", too few to conclude from" if too_few(material.first, label) else ""
    return HtmlTable(f"{_TITLES.get(label, label.capitalize())}: {detail}", ("model", *map(shown_metric, names)), rows)


def _cell(value: Measured, best: float | None) -> Cell:
    one = value.estimate
    return Cell(f"{one.mean:.4f}", between(one.low, one.high), mark(one.test), best=one.mean == best)


def _differences(material: PageContext, measured: Mapping[str, Measurements]) -> HtmlTable:
    names = material.config.metrics
    rows = [
        (Cell(model.name, key=key), *(_difference(measured[key]["all"][name].estimate.test) for name in names))
        for key, model in material.models.items()
        if key != material.reference
    ]
    return HtmlTable(f"Difference from {material.reference} on all targets", ("model", *map(shown_metric, names)), rows)


def _difference(test: PairedTest | None) -> Cell:
    if test is None:
        return Cell(NONE)
    note = f"{signed(test.low)} to {signed(test.high)}, p {p_value(test.adjusted)}"
    return Cell(signed(test.difference), note, mark(test))
