from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embrec.data.readers.times import exact_times, order_keys
from embrec.errors import DataError

DAY = 1_388_620_800  # 2014-01-02


def where(row):
    return f"log, line {row + 2}"


def read(values, unit=None, **options):
    if any(isinstance(value, int) and value > 2**63 for value in values):
        options["dtype"] = pl.Int128
    return exact_times(pl.Series("when", values, **options), where, unit)


def seconds(values, unit=None, **options):
    return read(values, unit, **options).seconds.to_list()


def test_every_kind_of_time_becomes_seconds():
    assert seconds(["2014-01-02", "2014-01-02T00:00:05", "2014-01-02 00:01", "2014-01-02T02:00:00+02:00"]) == [
        DAY,
        DAY + 5,
        DAY + 60,
        DAY,
    ]
    assert seconds(["2014-01-02T00:00:05Z", "2014-01-02 00:00:05.500"]) == [DAY + 5, DAY + 5]
    assert seconds([date(2014, 1, 2)]) == [DAY]
    assert seconds([datetime(2014, 1, 2)]) == [DAY]
    assert seconds([datetime(2014, 1, 2, 2, tzinfo=timezone(timedelta(hours=2)))]) == [DAY]
    assert seconds(["7", " 8 "]) == [7, 8]
    assert seconds([7.0, 8.0]) == [7, 8]
    assert seconds([7000, 8500], "ms") == [7, 8]
    assert seconds([1, None]) == [1, None]
    assert seconds([1.0, float("nan")]) == [1, None]
    assert seconds(["1", ""]) == [1, None]
    assert seconds([1, 2], dtype=pl.UInt8) == [1, 2]


@pytest.mark.parametrize(("unit", "per"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
@pytest.mark.parametrize("kind", [int, str, float])
def test_numbers_are_read_in_the_only_plausible_unit_and_that_is_said(unit, per, kind):
    values = [kind(DAY * per), kind((DAY + 86_400) * per), None]
    found = read(values)
    assert found.seconds.to_list() == [DAY, DAY + 86_400, None]
    assert found.unit == unit
    assert (found.remark is None) == (unit == "s")
    if unit != "s":
        assert f"time unit: {unit}" in found.remark


@pytest.mark.parametrize("values", [[20140102, 20140103], ["20140102", "20140103"], [20140102000000, 20140103000000]])
def test_numbers_that_are_calendar_days_are_read_as_days(values):
    found = read(values)
    assert found.seconds.to_list() == [DAY, DAY + 86_400]
    assert "calendar days" in found.remark
    assert read(values, "yyyymmdd").remark is None


def test_the_clock_behind_a_day_counts():
    assert seconds([20140102010203]) == [DAY + 3600 + 120 + 3]
    with pytest.raises(DataError, match="line 3: column 'when' is 20140231, not a calendar day such as"):
        seconds([20140102, 20140231], "yyyymmdd")
    with pytest.raises(DataError, match="not a calendar day"):
        seconds([20140102250000], "yyyymmdd")


@settings(deadline=None)
@given(st.datetimes(datetime(1980, 1, 1), datetime(2099, 12, 31)), st.sampled_from(["ms", "us", "ns"]))
def test_a_moment_is_the_same_in_every_unit(moment, unit):
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    exact = int(moment.replace(tzinfo=UTC).timestamp())
    per = {"ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    number = exact * per + moment.microsecond * per // 10**6
    found = read([number])
    assert found.seconds.to_list() == [exact]
    assert found.unit == unit
    digits = int(moment.strftime("%Y%m%d%H%M%S"))
    assert seconds([digits]) == [exact]


@pytest.mark.parametrize(
    "values",
    [
        [0, 1, 2, 3],
        [5, 20_000_101, 30_000_000],  # an order that passes through what could be days
        list(range(20_200_101, 20_200_201)),  # of which most are no days
        [-5, 0, DAY],
        [100.5, 7.25],
    ],
)
def test_an_order_and_old_times_stay_what_they_are(values):
    found = read(values)
    assert found.exact.to_list() == values
    assert found.remark is None


def test_large_numbers_that_are_no_times_are_an_order_and_that_is_said():
    found = read([5_000_000_000, 5_000_000_001])
    assert found.seconds.to_list() == [5_000_000_000, 5_000_000_001]
    assert "2 times lie beyond the year 2100" in found.remark


@pytest.mark.parametrize(
    ("values", "first", "second"),
    [
        (
            [DAY, DAY * 1000],
            r"line 2 has 1388620800, plausible in seconds",
            r"line 3 has 1388620800000, plausible in milli",
        ),
        ([DAY * 1000, 0], r"line 2 has 1388620800000, plausible in milliseconds", r"line 3 has 0, which is not"),
        (
            [20140102, DAY],
            r"line 3 has 1388620800, plausible in seconds",
            r"line 2 has 20140102, plausible in calendar",
        ),
        (
            [20140102, 20140103, 20140299],
            r"line 2 has 20140102, plausible in calendar",
            r"line 4 has 20140299, which is not",
        ),
    ],
)
def test_mixed_units_are_refused_with_a_row_of_each(values, first, second):
    with pytest.raises(
        DataError, match=rf"^log, {first}.*, and log, {second}.* `time_unit` \(s, ms, us, ns or yyyymmdd\)$"
    ):
        read(values)


def test_a_unit_that_is_given_is_taken_without_a_look():
    assert seconds([DAY, DAY * 1000], "s") == [DAY, DAY * 1000]
    assert seconds([DAY * 1000, 0], "ms") == [DAY, 0]


def test_what_seconds_do_not_tell_is_kept():
    found = read([DAY * 10**9 + 1, DAY * 10**9 + 2])
    assert found.seconds.to_list() == [DAY, DAY]
    assert found.exact.to_list() == [DAY * 10**9 + 1, DAY * 10**9 + 2]
    found = read([datetime(2014, 1, 2, 0, 0, 0, 500), datetime(2014, 1, 2)])
    assert found.seconds.to_list() == [DAY, DAY]
    assert found.exact.n_unique() == 2
    found = read(["7.75", "7.5"])
    assert found.seconds.to_list() == [7, 7]
    assert found.exact.to_list() == [7.75, 7.5]


@pytest.mark.parametrize(
    ("values", "line", "shown"),
    [
        (["1", "soon", "2"], 3, "'soon'"),
        (["2014-01-02", "2014-02-30"], 3, "'2014-02-30'"),
        (["2014-01-02", "2014-01-03", "5"], 4, "'5'"),
        ([1.0, float("inf")], 3, "inf"),
        ([1, 2**70], 3, str(2**70)),
        (["1", "1e70"], 3, r"1e\+70"),
    ],
)
def test_a_time_that_is_none_is_named_with_its_place(values, line, shown):
    with pytest.raises(DataError, match=rf"^log, line {line}: column 'when' is {shown}; expected a number or an ISO"):
        read(values)


def test_a_type_that_cannot_be_a_time_is_an_error():
    with pytest.raises(DataError, match="has the type Boolean"):
        read([True, False])
    with pytest.raises(DataError, match="has the type List"):
        read([[1], [2]])


def test_an_order_of_texts_sorts_as_it_is_meant():
    def order(values):
        return order_keys(pl.Series("seq", values), where).arg_sort().to_list()

    assert order(["10", "9", " 1"]) == [2, 1, 0]
    assert order(["1.5", "10", "2"]) == [0, 2, 1]
    assert order(["2024-01-10", "2024-01-09T10:00:00"]) == [1, 0]
    assert order(["b", "a"]) == [1, 0]
    places = pl.Series("seq", ["10", "9", "1"], dtype=pl.Categorical)
    assert order_keys(places, where).arg_sort().to_list() == [2, 1, 0]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("2014/01/02", 0),
        ("2014/01/02 00:01", 60),
        ("2014-01-02 00:00:07 UTC", 7),
        ("2014-01-02 00:00:07+00", 7),
        ("2014-01-02 00:00:07.25-05", 5 * 3600 + 7),
        ("2014-01-02T02:00Z", 7200),
        ("2014-01-02T02:00+02:00", 0),
        ("2014-01-02T02:00:03+0200", 3),
        ("2014-01-02 02:00:03 +0200", 3),
        ("2014-01-02T00:00:03GMT", 3),
    ],
)
def test_dates_are_read_as_databases_write_them(text, after):
    assert seconds([text]) == [DAY + after]
    assert seconds(["2014-01-02", text, None, "2014-01-02T00:00:09"]) == [DAY, DAY + after, None, DAY + 9]


@pytest.mark.parametrize(
    "text", ["02/01/2014", "2014-01-02-05", "2014-02-30 UTC", "2014-01-02T25:00Z", "2014/1x/02", "UTC"]
)
def test_what_is_no_date_for_certain_is_refused(text):
    with pytest.raises(DataError, match="expected a number or an ISO date"):
        read([text])


@pytest.mark.parametrize(("values", "scale"), [([2014010200, 2014010223], 3600), ([201401020000, 201401020023], 60)])
def test_the_clock_behind_a_day_may_lack_minutes_and_seconds(values, scale):
    found = read(values)
    assert (found.seconds.to_list(), found.unit) == ([DAY, DAY + 23 * scale], "yyyymmdd")
    assert "calendar days" in found.remark
    assert seconds([2014010200, 2014010299]) == [2014010200, 2014010299]  # seconds, the second is no time of a clock


def test_dates_with_nanoseconds_keep_their_order():
    texts = ["2014-01-02T00:00:05.000000002", "2014-01-02 00:00:05.000000001Z", "2014/01/02 00:00:04", "2014-01-02"]
    found = read(texts)
    assert found.seconds.to_list() == [DAY + 5, DAY + 5, DAY + 4, DAY]
    assert found.exact.arg_sort().to_list() == [3, 2, 1, 0]


def test_times_that_are_kept_as_categories_are_read():
    for dtype in (pl.Categorical, pl.Enum(["2014-01-02T00:00:05", "2014-01-02"])):
        assert seconds(["2014-01-02", "2014-01-02T00:00:05"], dtype=dtype) == [DAY, DAY + 5]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "x"], r"line 3: column 'seq' is 'x'; expected a number"),
        (["1", " "], r"line 3: column 'seq' is empty"),
        ([1.0, float("nan")], r"line 3: column 'seq' is empty"),
        ([[1], [2]], r"column 'seq' has the type List"),
    ],
)
def test_an_order_that_is_none_is_named_with_its_place(values, message):
    with pytest.raises(DataError, match=message):
        order_keys(pl.Series("seq", values), where)
