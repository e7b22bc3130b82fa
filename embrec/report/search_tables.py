"""What searches found, as tables: of several categories in the form of the paper's Tables 2 and 3."""

import math
from collections.abc import Mapping
from typing import Any

from embrec.evaluation.statistics import MeanInterval
from embrec.report.tables import Table
from embrec.tuning.several import Found


def test_table(found: Mapping[str, Found]) -> Table:
    """Return the test metrics of each category's best models beside popularity (the paper's Table 2)."""
    metrics = list(dict.fromkeys(metric for one in found.values() for metric in one.best))
    columns = ["category", *(f"{metric}{who}" for metric in metrics for who in (", pop", ", best"))]
    rows = [
        [category, *(text for metric in metrics for text in _both(one, metric))]
        for category, one in found.items()
        if one.best
    ]
    return Table("Test", columns, rows)


def settings_table(found: Mapping[str, Found]) -> Table:
    """Return each category's best settings (the paper's Table 3)."""
    keys = list(dict.fromkeys(key for one in found.values() for key in one.result.best.settings))
    objectives = list(dict.fromkeys(one.result.config.objective for one in found.values()))
    columns = [
        "category", "trials", f"valid {objectives[0] if len(objectives) == 1 else 'objective'}", *map(short_key, keys)
    ]  # fmt: skip
    rows = [
        [category, str(len(one.result.log.trials)), f"{_value(one):.4f}", *(_shown(one, key) for key in keys)]
        for category, one in found.items()
    ]
    return Table("Best settings", columns, rows)


def short_key(key: str) -> str:
    """Return a setting's name without its section: `model.dropout` -> `dropout`."""
    return key.removeprefix("model.").removeprefix("training.")


def value_words(value: Any) -> str:
    """Return a setting's value as people read it: a feature table without its identity."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return " + ".join(str(part).rpartition("-")[0] or str(part) for part in value)
    return str(value)


def _value(one: Found) -> float:
    best = one.result.best.best(one.result.config.objective, one.result.config.sign)
    return best[1] if best else math.nan


def _shown(one: Found, key: str) -> str:
    settings = one.result.best.settings
    return value_words(settings[key]) if key in settings else "-"


def _both(one: Found, metric: str) -> list[str]:
    if metric not in one.best:
        return ["-", "-"]
    return [f"{one.popularity[metric]:.4f}", _interval(one.best[metric])]


def _interval(mean: MeanInterval) -> str:
    return f"{mean.mean:.4f}" if math.isnan(mean.half_width) else f"{mean.mean:.4f} ± {mean.half_width:.4f}"
