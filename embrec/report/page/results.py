"""The results: every metric of every model with its interval, and what the paired tests against the first run say."""

from collections.abc import Mapping
from typing import Literal

from embrec.evaluation.statistics import PairedTest
from embrec.report.page.dots import dots
from embrec.report.page.material import Material
from embrec.report.page.parts import NONE, Cell, Panels, Section, Table, between, count, percent, shown_metric, signed
from embrec.report.results import CONFIDENCE, RESAMPLES, Measured, Measurements, measure

_TITLES = {"all": "All targets", "warm items": "Warm items", "cold items": "Cold items"}
_MEANING = {
    "warm items": "whose next item was learned from",
    "cold items": "whose next item has no training event",
}


def results_section(material: Material, measured: Mapping[str, Measurements]) -> Section:
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


def measure_all(material: Material) -> dict[str, Measurements]:
    """Estimate every metric of every model on all, warm and cold targets, and test them against the first run."""
    evaluations = {name: [material.evaluations[name]] for name in material.models}
    return measure(evaluations, material.config.metrics, material.reference)


def meaning(metric: str) -> str:
    """Say a metric in plain words."""
    kind, _, k = metric.partition("@")
    first = f"the first {k}"
    return {
        "hr": f"the share of targets that stand among {first} of the list",
        "ndcg": f"as that, but a target counts less the further down it stands: 1 in first place, nothing below {first}",
        "mrr": f"the mean of 1 / place of the target, nothing below {first}",
        "auc": "the share of the other items that stand below the target: 0.5 is chance, 1 is always first",
    }.get(kind, metric)


def _targets(material: Material, label: str) -> int:
    return int(material.first.slices()[label].sum())


def _table(material: Material, measured: Mapping[str, Measurements], label: str) -> Table:
    names = material.config.metrics
    best = {name: max(measured[key][label][name].estimate.mean for key in material.models) for name in names}
    rows = [
        (Cell(model.name, key=key), *(_cell(measured[key][label][name], best[name]) for name in names))
        for key, model in material.models.items()
    ]
    targets = f"{count(_targets(material, label))} targets"
    detail = f"{targets} {_MEANING[label]}" if label in _MEANING else targets
    return Table(f"{_TITLES.get(label, label.capitalize())}: {detail}", ("model", *map(shown_metric, names)), rows)


def _cell(value: Measured, best: float) -> Cell:
    one = value.estimate
    return Cell(f"{one.mean:.4f}", between(one.low, one.high), _mark(one.test), best=one.mean == best and best > 0)


def _mark(test: PairedTest | None) -> Literal["", "better", "worse"]:
    verdict = "undecided" if test is None else test.verdict()
    return "" if verdict == "undecided" else verdict


def _differences(material: Material, measured: Mapping[str, Measurements]) -> Table:
    names = material.config.metrics
    rows = [
        (Cell(model.name, key=key), *(_difference(measured[key]["all"][name].estimate.test) for name in names))
        for key, model in material.models.items()
        if key != material.reference
    ]
    return Table(f"Difference from {material.reference} on all targets", ("model", *map(shown_metric, names)), rows)


def _difference(test: PairedTest | None) -> Cell:
    if test is None:
        return Cell(NONE)
    note = f"{signed(test.low)} to {signed(test.high)}, p {_p_value(test.adjusted)}"
    return Cell(signed(test.difference), note, _mark(test))


def _p_value(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"= {value:.4f}"
