import numpy as np
import pytest
from support.catalogs import titled
from support.logs import log_of

from embrec.data.store import Dataset
from embrec.data.timeline import Timeline, day, timeline

DATE = 1_300_000_000
ROWS = [[0, 1, 2], [1, 2], [2, 0]]


def timeline_of(times, meta=None, rows=ROWS):
    return timeline(Dataset(titled("abc"), log_of(rows, times), meta or {}))


@pytest.mark.parametrize("start", [0, 1, DATE])
def test_histories_that_start_at_the_same_time_have_places(start):
    assert timeline_of([[start, start + 1, start + 2], [start, start + 1], [start + 5, start + 6]]) == Timeline.PLACES


def test_seconds_since_1970_are_dates():
    assert timeline_of([[DATE, DATE + 1, DATE + 2], [DATE + 5, DATE + 6], [DATE + 7, DATE + 8]]) == Timeline.DATES


def test_small_and_huge_numbers_and_rows_of_a_file_are_an_order():
    assert timeline_of([[0, 1, 2], [3, 4], [5, 6]]) == Timeline.ORDER
    assert (
        timeline_of([[DATE * 1000, DATE * 1001], [DATE * 1002], [DATE * 1003]], rows=[[0, 1], [1], [2]])
        == Timeline.ORDER
    )
    rows = {"import": {"arguments": {"time_column": "@row"}}}
    times = [[DATE, DATE + 1, DATE + 2], [DATE + 5, DATE + 6], [DATE + 7, DATE + 8]]
    assert timeline_of(times, rows) == Timeline.ORDER


def test_a_time_of_any_size_has_a_day():
    assert day(0) == "1970-01-01"
    assert day(-1) == "1969-12-31"
    assert day(978_300_019_000) == "32971-02-03"  # milliseconds, taken for seconds: the reader sees it
    assert np.datetime64(day(DATE)) == np.datetime64("2011-03-13")
