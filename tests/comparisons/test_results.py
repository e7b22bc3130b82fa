"""Rows of a comparison: costs over several sources, and lines of CSV."""

import csv
import io
from dataclasses import replace

import pytest

from embrec.comparisons.results import Row, SourceSummary

SOURCE = SourceSummary("tfidf-1", {}, {}, items=40, present=40, dim=30, density=0.1, encoded=40, seconds=2.0)


def row(*sources):
    return Row("one", {"model": "one"}, (), {}, "one", sources=sources)


def test_costs_are_summed_over_the_sources():
    both = row(SOURCE, replace(SOURCE, dim=10, density=0.5, encoded=20, seconds=3.0))
    assert both.dim == 40
    assert both.density == pytest.approx((30 * 0.1 + 10 * 0.5) / 40)
    assert both.encoding_seconds == 5.0
    assert both.items_per_second == pytest.approx(1 / (2 / 40 + 3 / 20))


def test_costs_that_nobody_knows_are_none():
    assert row(SOURCE, replace(SOURCE, seconds=None)).encoding_seconds is None
    identities = row()
    assert (identities.dim, identities.density, identities.encoding_seconds, identities.items_per_second) == (
        0,
        None,
        None,
        None,
    )


def test_a_csv_has_a_line_for_each_row_slice_and_metric(losses):
    _, comparison = losses
    lines = list(csv.reader(io.StringIO(comparison.as_csv())))
    assert lines[0] == [
        "loss",
        "negatives",
        "protocol",
        "targets on",
        "metric",
        "mean",
        "low over seeds",
        "high over seeds",
        "low over users",
        "high over users",
        "seed 0",
        "seed 2",
    ]
    assert len(lines) - 1 == len(comparison.rows) * len(comparison.targets) * len(comparison.metric_names)
    value = comparison.rows[0].metrics["all"]["auc"]
    assert [float(cell) for cell in lines[1][5:]] == pytest.approx(
        [value.estimate.mean, *value.over_seeds(), value.estimate.low, value.estimate.high, *value.seeds]
    )
    single = replace(comparison.rows[0], metrics={"all": {"auc": replace(value, seeds=value.seeds[:1])}})
    one = list(csv.reader(io.StringIO(replace(comparison, rows=(single,), seeds=(0,)).as_csv())))[1]
    assert one[6:8] == ["", ""]  # a single seed has no interval
