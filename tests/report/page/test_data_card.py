import numpy as np
import pytest
from support.catalogs import titled
from support.logs import log_of

from embrec.data.prepared import PreparedSplit
from embrec.data.splits import LeaveOneOut
from embrec.data.store import Dataset
from embrec.evaluation.evaluator import EvaluationConfig
from embrec.report.page.context import PageContext
from embrec.report.page.data_card import data_section
from embrec.report.page.items import Showcase

DATE = 1_300_000_000  # March 2011
ROWS = [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
DATES = [[DATE, DATE + 1, DATE + 2], [DATE + 5, DATE + 6, DATE + 7], [DATE + 8, DATE + 9, DATE + 10]]


def data_of(times, meta=None):
    """Return the tile of times, and the titles of the figures."""
    log = log_of(ROWS, times)
    context = PageContext(
        category="toys",
        prepared=PreparedSplit.of(Dataset(titled("abc"), log, meta or {}), LeaveOneOut()),
        config=EvaluationConfig(),
        runs=(),
        evaluations={},
        slices={},
        vectors=np.zeros((3, 2), dtype=np.float32),
        seed=0,
        command="",
        created="",
    )
    content = data_section(context, Showcase(context.dataset.catalog, context.popularity)).content
    (tile,) = [tile for tile in content["tiles"] if tile.label == "time"]
    return tile.value, [figure.title for figure in content["figures"].figures]


def test_dates_are_shown_as_dates():
    value, figures = data_of(DATES)
    assert value == "Mar 2011 \N{EN DASH} Mar 2011"
    assert "Events over time" in figures


def test_one_event_without_a_time_leaves_the_others_their_dates():
    value, figures = data_of([[0, DATE, DATE + 1], *DATES[1:]])
    assert value == "Jan 1970 \N{EN DASH} Mar 2011"
    assert "Events over time" in figures


@pytest.mark.parametrize(
    ("times", "meta"),
    [
        (None, None),
        ([[DATE, DATE + 1, DATE + 2]] * 3, None),
        (DATES, {"import": {"arguments": {"time_column": "@row"}}}),
    ],
)
def test_times_that_are_an_order_are_not_shown_as_dates(times, meta):
    value, figures = data_of(times, meta)
    assert value == "order only"
    assert "Events over time" not in figures
