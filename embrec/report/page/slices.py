"""The same results cut several ways: by how long the history is, how popular the item, what training knew, what items have."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from embrec.comparisons.measurements import CONFIDENCE, Measurements, measure
from embrec.evaluation.few_candidates import telling
from embrec.report.page.context import PageContext
from embrec.report.page.dots import dots
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


def slices_section(material: PageContext) -> Section:
    """Return the section; what all targets have in common is no cut, and left out."""
    name = material.main_metric
    evaluations = {key: [material.evaluations[key]] for key in material.models}
    sliced = {
        dimension: measure(evaluations, [name], material.reference, slices)
        for dimension, slices in material.slices.items()
        if len(slices) > 1
    }
    intervals = f"{percent(CONFIDENCE, 0)} intervals"
    caption = f"{shown_metric(name)} in each slice with {intervals}; below each label, the number of targets."
    figures = [_panel(material, dimension, measured) for dimension, measured in sliced.items()]
    return Section(
        "slices",
        "Where it works, and where not",
        "slices.html.j2",
        {"panels": Panels(caption, figures, list(material.models)), "table": _table(material, sliced)},
    )


def _panel(material: PageContext, dimension: str, measured: Mapping[str, Measurements]) -> Figure:
    slices, name = material.slices[dimension], material.main_metric
    labels = [f"{label}\n{count(members.sum())}" for label, members in slices.items()]
    values = {
        key: [measured[key][label][name].estimate if _tells(material, members) else None
              for label, members in slices.items()]
        for key in material.models
    }  # fmt: skip
    key = "".join(letter if letter.isalnum() else "-" for letter in dimension)
    title = _TITLES.get(dimension, f"By {dimension}")
    return dots(f"slice-{key}", title, labels, values, material.models, shown_metric(name))


def _tells(material: PageContext, members: NDArray[np.bool_]) -> bool:
    """Return whether enough candidates are left of a slice's targets for the main metric to tell models apart."""
    return bool(telling((material.main_metric,), material.first.standing.candidates[members]))


def _table(material: PageContext, sliced: Mapping[str, Mapping[str, Measurements]]) -> HtmlTable:
    name = material.main_metric
    rows = []
    for dimension, measured in sliced.items():
        for label, members in material.slices[dimension].items():
            estimates = [measured[key][label][name].estimate for key in material.models]
            numbers = [Cell(f"{one.mean:.4f}", between(one.low, one.high), mark(one.test)) for one in estimates]
            if not _tells(material, members):
                numbers = [Cell(NONE, "the same for every model") for _ in estimates]
            rows.append((Cell(label), Cell(dimension), Cell(count(members.sum())), *numbers))
    columns = ("slice", "cut by", "targets", *(model.name for model in material.models.values()))
    return HtmlTable(f"{shown_metric(name)} in every slice", columns, rows, frozenset({1}))
