"""The section on slices: results by length of history, popularity, knowledge of training, and available content."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from embrec.comparisons.measurements import CONFIDENCE, Measurements, measure
from embrec.evaluation.few_candidates import telling
from embrec.report.page.context import PageContext
from embrec.report.page.dot_plot import dot_plot
from embrec.report.page.html_parts import (
    NONE,
    Cell,
    Figure,
    HtmlTable,
    Panels,
    Section,
    between,
    count,
    mark,
    percent,
    shown_metric,
)

_TITLES = {
    "partition": "By what training knew",
    "history": "By events before",
    "popularity": "By popularity of the item",
    "tied": "By time since the event before",
}


def slices_section(context: PageContext) -> Section:
    """Return the section; dimensions with a single slice are left out."""
    name = context.main_metric
    evaluations = {key: [context.evaluations[key]] for key in context.models}
    sliced = {
        dimension: measure(evaluations, [name], context.reference, slices)
        for dimension, slices in context.slices.items()
        if len(slices) > 1
    }
    intervals = f"{percent(CONFIDENCE, 0)} intervals"
    caption = f"{shown_metric(name)} in each slice with {intervals}; below each label, the number of targets."
    figures = [_panel(context, dimension, measured) for dimension, measured in sliced.items()]
    return Section(
        "slices",
        "Where it works, and where not",
        "slices.html.j2",
        {"panels": Panels(caption, figures, list(context.models)), "table": _table(context, sliced)},
    )


def _panel(context: PageContext, dimension: str, measured: Mapping[str, Measurements]) -> Figure:
    slices, name = context.slices[dimension], context.main_metric
    labels = [f"{label}\n{count(members.sum())}" for label, members in slices.items()]
    values = {
        key: [
            measured[key][label][name].estimate if _distinguishes(context, members) else None
            for label, members in slices.items()
        ]
        for key in context.models
    }
    key = "".join(letter if letter.isalnum() else "-" for letter in dimension)
    title = _TITLES.get(dimension, f"By {dimension}")
    return dot_plot(f"slice-{key}", title, labels, values, context.models, shown_metric(name))


def _distinguishes(context: PageContext, members: NDArray[np.bool_]) -> bool:
    """Return True if the targets of a slice have enough candidates for the main metric to distinguish models."""
    return bool(telling((context.main_metric,), context.first.standing.candidates[members]))


def _table(context: PageContext, sliced: Mapping[str, Mapping[str, Measurements]]) -> HtmlTable:
    name = context.main_metric
    rows = []
    for dimension, measured in sliced.items():
        for label, members in context.slices[dimension].items():
            estimates = [measured[key][label][name].estimate for key in context.models]
            numbers = [Cell(f"{one.mean:.4f}", between(one.low, one.high), mark(one.test)) for one in estimates]
            if not _distinguishes(context, members):
                numbers = [Cell(NONE, "the same for every model") for _ in estimates]
            rows.append((Cell(label), Cell(dimension), Cell(count(members.sum())), *numbers))
    columns = ("slice", "cut by", "targets", *(model.name for model in context.models.values()))
    return HtmlTable(f"{shown_metric(name)} in every slice", columns, rows, frozenset({1}))
