"""The section on results: every metric of every model with its interval, and paired tests against the first run."""

from collections.abc import Mapping

import numpy as np

from embrec.comparisons.measurements import CONFIDENCE, RESAMPLES, Measured, Measurements, measure
from embrec.comparisons.tables import p_value
from embrec.evaluation.evaluator import Evaluation
from embrec.evaluation.metrics import lower_is_better, parse_metric
from embrec.evaluation.statistics import PairedTest
from embrec.report.page.context import PageContext
from embrec.report.page.dot_plot import dot_plot
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

FEW = 30  # number of users below which a mean is too uncertain

_TITLES = {"all": "All targets", "warm items": "Warm items", "cold items": "Cold items"}
_MEANING = {
    "warm items": "whose next item was learned from",
    "cold items": "whose next item has no training event",
}


def results_section(context: PageContext, measured: Mapping[str, Measurements]) -> Section:
    """Return the section.

    Args:
        context: the runs with data and evaluations.
        measured: estimates of all metrics; see `measure_all`.
    """
    names = context.config.metrics
    present = list(measured[context.reference])
    shown = names[:3]
    figures = [
        dot_plot(
            f"result-{name.replace('@', '-')}",
            shown_metric(name),
            [f"{_TITLES.get(label, label)}\n{count(_targets(context, label))}" for label in present],
            {
                key: [measured[key][label][name].estimate if label in measured[key] else None for label in present]
                for key in context.models
            },
            context.models,
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
            "panels": Panels(caption, figures, list(context.models)),
            "tables": [_table(context, measured, label) for label in present],
            "differences": _differences(context, measured) if len(context.models) > 1 else None,
            "reference": context.reference,
            "resamples": RESAMPLES,
            "confidence": percent(CONFIDENCE, 0),
            "meanings": [(shown_metric(name), meaning(name)) for name in names],
        },
    )


def measure_all(context: PageContext) -> dict[str, Measurements]:
    """Estimate every metric of every model on all, warm and cold targets, and test them against the first run."""
    evaluations = {name: [context.evaluations[name]] for name in context.models}
    return measure(evaluations, context.config.metrics, context.reference)


def meaning(metric: str) -> str:
    """Return the meaning of a metric, in plain words."""
    found, k = parse_metric(metric)
    return found.meaning(k)


def too_few(evaluation: Evaluation, label: str) -> bool:
    """Return True if a slice has too few users for a reliable mean."""
    return len(np.unique(evaluation.user[evaluation.slices()[label]])) < FEW


def _best(context: PageContext, measured: Mapping[str, Measurements], label: str, name: str) -> float | None:
    """Return the best mean of a column; None if all models have the same."""
    means = [measured[key][label][name].estimate.mean for key in context.models]
    if len(set(means)) == 1 < len(means):
        return None
    return min(means) if lower_is_better(name) else max(means)


def _targets(context: PageContext, label: str) -> int:
    return int(context.first.slices()[label].sum())


def _table(context: PageContext, measured: Mapping[str, Measurements], label: str) -> HtmlTable:
    names = context.config.metrics
    best = {name: _best(context, measured, label, name) for name in names}
    rows = [
        (Cell(model.name, key=key), *(_cell(measured[key][label][name], best[name]) for name in names))
        for key, model in context.models.items()
    ]
    targets = f"{count(_targets(context, label))} targets"
    detail = f"{targets} {_MEANING[label]}" if label in _MEANING else targets
    detail += ", too few to conclude from" if too_few(context.first, label) else ""
    return HtmlTable(f"{_TITLES.get(label, label.capitalize())}: {detail}", ("model", *map(shown_metric, names)), rows)


def _cell(value: Measured, best: float | None) -> Cell:
    one = value.estimate
    return Cell(f"{one.mean:.4f}", between(one.low, one.high), mark(one.test), best=one.mean == best)


def _differences(context: PageContext, measured: Mapping[str, Measurements]) -> HtmlTable:
    names = context.config.metrics
    rows = [
        (Cell(model.name, key=key), *(_difference(measured[key]["all"][name].estimate.test) for name in names))
        for key, model in context.models.items()
        if key != context.reference
    ]
    return HtmlTable(f"Difference from {context.reference} on all targets", ("model", *map(shown_metric, names)), rows)


def _difference(test: PairedTest | None) -> Cell:
    if test is None:
        return Cell(NONE)
    note = f"{signed(test.low)} to {signed(test.high)}, p {p_value(test.adjusted)}"
    return Cell(signed(test.difference), note, mark(test))
