"""The same results cut four ways: by how long the history is, how popular the item, what training knew, what the item shows."""

from collections.abc import Mapping

import numpy as np

from embrec.evaluation.statistics import Estimate, bootstrap_means, interval
from embrec.report.page.dots import dots
from embrec.report.page.material import Material
from embrec.report.page.parts import NONE, Cell, Figure, Panels, Section, Table, between, count, percent, shown_metric
from embrec.report.results import CONFIDENCE, RESAMPLES

_TITLES = {
    "partition": "By what training knew",
    "history": "By events before",
    "popularity": "By popularity of the item",
}

# Dimension -> slice -> model -> estimate; slices without targets have none.
Sliced = Mapping[str, Mapping[str, Mapping[str, Estimate]]]


def slices_section(material: Material) -> Section:
    """Return the section."""
    sliced = estimate_slices(material)
    name = shown_metric(material.main_metric)
    figures = [_panel(material, dimension, sliced) for dimension, slices in sliced.items() if len(slices) > 1]
    caption = f"{name} in each slice with {percent(CONFIDENCE, 0)} intervals; below each label, the number of targets."
    return Section(
        "slices",
        "Where it works, and where not",
        "slices.html.j2",
        {"panels": Panels(caption, figures, list(material.models)), "table": _table(material, sliced), "metric": name},
    )


def estimate_slices(material: Material) -> Sliced:
    """Estimate the main metric of every model in every slice that has targets."""
    values = np.stack(
        [material.evaluations[key].values(material.main_metric) for key in material.models],
        axis=1,
    )  # [T, models]
    found: dict[str, dict[str, dict[str, Estimate]]] = {}
    for dimension, slices in material.slices.items():
        for label, members in slices.items():
            if not members.any():
                continue
            own = values[members]
            low, high = interval(bootstrap_means(own, material.first.user[members], resamples=RESAMPLES), CONFIDENCE)
            found.setdefault(dimension, {})[label] = {
                key: Estimate(float(own[:, place].mean()), float(low[place]), float(high[place]), None)
                for place, key in enumerate(material.models)
            }
    return found


def _panel(material: Material, dimension: str, sliced: Sliced) -> Figure:
    slices = sliced[dimension]
    labels = [f"{label}\n{count(_targets(material, dimension, label))}" for label in slices]
    values = {key: [slices[label][key] for label in slices] for key in material.models}
    key = "".join(letter if letter.isalnum() else "-" for letter in dimension)
    return dots(
        f"slice-{key}",
        _TITLES.get(dimension, f"By {dimension}"),
        labels,
        values,
        material.models,
        shown_metric(material.main_metric),
    )


def _targets(material: Material, dimension: str, label: str) -> int:
    return int(material.slices[dimension][label].sum())


def _table(material: Material, sliced: Sliced) -> Table:
    rows = []
    for dimension, slices in sliced.items():
        for label, estimates in slices.items():
            numbers = [
                Cell(f"{one.mean:.4f}", between(one.low, one.high)) if one is not None else Cell(NONE)
                for one in (estimates.get(key) for key in material.models)
            ]
            rows.append((Cell(label), Cell(dimension), Cell(count(_targets(material, dimension, label))), *numbers))
    columns = ("slice", "cut by", "targets", *(model.name for model in material.models.values()))
    return Table(f"{shown_metric(material.main_metric)} in every slice", columns, rows, frozenset({1}))
