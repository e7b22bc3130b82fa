from datetime import date, datetime, timedelta, timezone

import polars as pl
import pytest

from embrec.data.readers.times import exact_times
from embrec.errors import DataError


def where(row):
    return f"log, line {row + 2}"


def times(values, unit="s", **options):
    if any(isinstance(value, int) and value > 2**63 for value in values):
        options["dtype"] = pl.Int128
    return exact_times(pl.Series("when", values, **options), where, unit).to_list()


def test_every_kind_of_time_becomes_seconds():
    day = 1_388_620_800  # 2014-01-02
    assert times(["2014-01-02", "2014-01-02T00:00:05", "2014-01-02 00:01", "2014-01-02T02:00:00+02:00"]) == [
        day,
        day + 5,
        day + 60,
        day,
    ]
    assert times(["2014-01-02T00:00:05Z", "2014-01-02 00:00:05.500"]) == [day + 5, day + 5.5]
    assert times([date(2014, 1, 2)]) == [day]
    assert times([datetime(2014, 1, 2)]) == [day]
    assert times([datetime(2014, 1, 2, 2, tzinfo=timezone(timedelta(hours=2)))]) == [day]
    assert times(["7", " 8 "]) == [7, 8]
    assert times([7.0, 8.0]) == [7, 8]
    assert times([7000, 8500], "ms") == [7, 8.5]
    assert times([1, None]) == [1, None]
    assert times(["1", ""]) == [1, None]
    assert times([True and 1, 2], dtype=pl.UInt8) == [1, 2]


@pytest.mark.parametrize(
    ("values", "line", "shown"),
    [
        (["1", "soon", "2"], 3, "'soon'"),
        (["2014-01-02", "2014-02-30"], 3, "'2014-02-30'"),
        (["2014-01-02", "2014-01-03", "5"], 4, "'5'"),
        ([1.0, float("nan")], 3, "nan"),
        ([1.0, float("inf")], 3, "inf"),
        ([1, 2**70], 3, str(2**70)),
        (["1", "1e70"], 3, r"1e\+70"),
    ],
)
def test_a_time_that_is_none_is_named_with_its_place(values, line, shown):
    with pytest.raises(DataError, match=rf"^log, line {line}: column 'when' is {shown}; expected a number or an ISO"):
        times(values)


def test_a_type_that_cannot_be_a_time_is_an_error():
    with pytest.raises(DataError, match="has the type Boolean"):
        times([True, False])
