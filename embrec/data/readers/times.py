"""Parsing of time columns: whole seconds to store, and exact times for order and repeats.

Numbers are seconds, milliseconds, microseconds, nanoseconds or calendar days (20240531, 20240531235959, also without seconds or
minutes). Without a given unit, the unit is the one in which all values lie between 1980 and 2100; small numbers are an order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl

from embrec.data.readers.records import LARGEST
from embrec.errors import DataError
from embrec.parameters import parameter

TimeUnit = Literal["us", "ns"]
Unit = Literal["s", "ms", "us", "ns", "yyyymmdd"]
DAYS: Unit = "yyyymmdd"
PER_SECOND: dict[Unit, int] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_WORDS: dict[str, str] = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    DAYS: "calendar days (yyyymmdd)",
}

_FIRST, _END = 315_532_800, 4_102_444_800  # 1980 and 2100, in seconds
_FIRST_DAY, _LAST_DAY = 19_000_101, 21_001_231
_CLOCK = 10**6  # of yyyymmddHHMMSS


@dataclass(frozen=True)
class Times:
    """The times of a column.

    Attributes:
        seconds: seconds since 1970, rounded down, or order numbers; Int64, null for missing times.
        exact: the same times with the precision and unit of the file, for order and equality.
        unit: unit of the numbers; None for dates.
        remark: assumption about the unit, None without one.
    """

    seconds: pl.Series
    exact: pl.Series
    unit: Unit | None = None
    remark: str | None = None


def exact_times(values: pl.Series, where: Callable[[int], str], unit: Unit | None = None) -> Times:
    """Read a column of times.

    Args:
        values: integers, floats, dates, datetimes (UTC without a time zone), or texts of numbers or ISO dates; null, NaN or
            empty text for missing times.
        where: function from a row to its position, such as "events.csv, line 7".
        unit: unit of numbers; None: the plausible one.

    Raises:
        DataError: a value is neither a number nor a date, or different units are plausible; the message has the rows.
    """
    if values.dtype == pl.Categorical or isinstance(values.dtype, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        values = _parsed(values.str.strip_chars(), where)
    if values.dtype == pl.Date:
        seconds = values.cast(pl.Datetime("us")).dt.epoch("s")
        return Times(seconds, seconds)
    if isinstance(values.dtype, pl.Datetime):
        units: dict[str, Unit] = {"ms": "ms", "us": "us", "ns": "ns"}
        return _divided(values.to_physical(), units[values.dtype.time_unit or "us"], None, None)
    if values.dtype == pl.Null:
        empty = values.cast(pl.Int64)
        return Times(empty, empty)
    values = _numbers(values, where)
    remark = None
    if unit in (None, DAYS):
        values = _whole_clocks(values)
    if unit is None:
        unit, remark = _plausible(values, where)
    if unit == DAYS:
        seconds = _days(values, where)
        return Times(seconds, seconds, unit, remark)
    return _divided(values, unit, unit, remark)


def order_keys(values: pl.Series, where: Callable[[int], str]) -> pl.Series:
    """Return an order column as sortable values: texts of numbers as numbers, texts of dates as dates.

    Raises:
        DataError: a value is missing, or only some of the texts are numbers or dates.
    """
    if values.dtype.is_float():
        values = values.fill_nan(None)
    if (
        values.dtype == pl.Categorical
    ):  # pandas and Arrow encode repeated texts as categories; an Enum has its own order
        values = values.cast(pl.String)
    if values.dtype == pl.String:
        values = values.set(values.str.strip_chars() == "", None)
    absent = values.is_null().arg_true()
    if len(absent):
        raise DataError(f"{where(absent[0])}: column {values.name!r} is empty; every event needs its order")
    if values.dtype == pl.String:
        texts = values.str.strip_chars()
        numbers = texts.cast(pl.Float64, strict=False)
        if numbers.null_count() < len(values) or _dates(texts).null_count() < len(values):
            return _parsed(texts, where)
        return values
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Object):
        raise DataError(
            f"{where(0)}: column {values.name!r} has the type {values.dtype}; expected numbers, dates or texts"
        )
    return values


def _numbers(values: pl.Series, where: Callable[[int], str]) -> pl.Series:
    """Return integers as Int64 and other numbers as Float64, all finite; NaN becomes null."""
    if values.dtype.is_integer():
        whole = values.cast(pl.Int64, strict=False)
        failed = (whole.is_null() & values.is_not_null()).arg_true()
        if len(failed):
            raise _no_time(values, failed[0], where)
        return whole
    if values.dtype.is_float() or values.dtype.is_decimal():
        numbers = values.cast(pl.Float64).fill_nan(None)
        bad = (~numbers.is_finite() | (numbers.abs() > LARGEST)).fill_null(False).arg_true()
        if len(bad):
            raise _no_time(values, bad[0], where)
        return numbers.cast(pl.Int64) if (numbers == numbers.floor()).all() else numbers
    place = where(0) if len(values) else "the table"
    raise DataError(
        f"{place}: column {values.name!r} has the type {values.dtype}; "
        "expected numbers or dates (an order will do as time)"
    )


def _divided(values: pl.Series, unit: Unit, said: Unit | None, remark: str | None) -> Times:
    per = PER_SECOND[unit]
    if per == 1:
        seconds = values if values.dtype == pl.Int64 else values.floor().cast(pl.Int64)
        return Times(seconds, values, said, remark)
    seconds = (values // per).cast(pl.Int64)
    return Times(seconds, seconds if (seconds * per == values).all() else values, said, remark)


def _plausible(values: pl.Series, where: Callable[[int], str]) -> tuple[Unit, str | None]:
    """Return the unit in which all numbers lie between 1980 and 2100, seconds for an order, and a remark."""
    low, high = values.min(), values.max()
    if low is None or high is None:
        return "s", None
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    if high < _FIRST_DAY or (low >= _FIRST and high < _END):
        return "s", None
    kind = pl.DataFrame({"value": values}).select(_kinds(pl.col("value")))[:, 0]
    first: dict[str, int] = {}  # unit -> the first row with it
    for name in kind.drop_nulls().unique().sort().to_list():
        first[name] = int((kind == name).arg_true()[0])
    strange = (kind.is_null() & values.is_not_null()).arg_true()
    units: list[Unit] = [unit for unit in (*PER_SECOND, DAYS) if unit in first]
    only = units[0] if len(units) == 1 else None
    if only not in (None, "s") and not len(strange):
        assert only is not None
        return only, f"the times are read as {_WORDS[only]}, in which all of them are plausible; time unit: {only}"
    days = int((kind == DAYS).sum())
    if high < _END and (not days or (len(strange) and days < len(values) / 2)):
        return "s", None  # seconds, some of them before 1980, or an order
    if not units or (only == "s" and high >= _END):
        beyond = int((values >= _END).sum())
        return "s", f"{beyond:,} times lie beyond the year 2100 if they are seconds; they are kept as seconds"
    told = [f"{where(first[unit])} has {values[first[unit]]}, plausible in {_WORDS[unit]}" for unit in units[:2]]
    if only is not None:
        told.append(f"{where(strange[0])} has {values[strange[0]]}, which is not")
    raise DataError(
        f"{told[0]}, and {told[1]}: column {values.name!r} seems to mix units of time; fix it, or give the unit of all with "
        f"{parameter('time_unit')} ({', '.join(PER_SECOND)} or {DAYS})"
    )


def _whole_clocks(values: pl.Series) -> pl.Series:
    """Return numbers that are all yyyymmddHH or yyyymmddHHMM as yyyymmddHHMMSS; other numbers unchanged.

    As seconds or milliseconds they would lie before 1980 or after 2033.
    """
    low, high = values.min(), values.max()
    for digits in (2, 4):
        per: int = 10**digits
        if isinstance(low, int) and isinstance(high, int) and 1980 * 10**4 * per <= low and high < 2100 * 10**4 * per:
            clocks = values * (_CLOCK // per)
            if pl.DataFrame({"value": clocks}).select(_is_day(pl.col("value")) | pl.col("value").is_null())[:, 0].all():
                return clocks
    return values


def _kinds(value: pl.Expr) -> pl.Expr:
    """Return the unit in which a number lies between 1980 and 2100 (as a day: 1900 and 2100), null if there is none."""
    kinds = [pl.when(_is_day(value)).then(pl.lit(DAYS))]
    for unit, per in PER_SECOND.items():
        kinds.append(pl.when((value >= _FIRST * per) & (value < _END * per)).then(pl.lit(unit)))
    return pl.coalesce(kinds)


def _is_day(value: pl.Expr) -> pl.Expr:
    """Return True for a calendar day, yyyymmdd, or a time, yyyymmddHHMMSS."""
    long = value >= _FIRST_DAY * _CLOCK
    clock = pl.when(long).then(value % _CLOCK).otherwise(0)
    day = pl.when(long).then(value // _CLOCK).otherwise(value)
    whole = (value == value.floor()) & day.is_between(_FIRST_DAY, _LAST_DAY)
    text = pl.when(whole).then(day.cast(pl.Int64, strict=False)).otherwise(None).cast(pl.String)
    in_day = (clock // 10_000 < 24) & (clock // 100 % 100 < 60) & (clock % 100 < 60)
    return (whole & text.str.to_date("%Y%m%d", strict=False).is_not_null() & in_day).fill_null(False)


def _days(values: pl.Series, where: Callable[[int], str]) -> pl.Series:
    frame = pl.DataFrame({"value": values})
    bad = frame.select((~_is_day(pl.col("value")) & pl.col("value").is_not_null()).arg_true())[:, 0]
    if len(bad):
        raise DataError(
            f"{where(bad[0])}: column {values.name!r} is {values[bad[0]]}, not a calendar day such as 20240531 "
            "or 20240531235959"
        )
    whole = pl.col("value").cast(pl.Int64)
    long = whole >= _FIRST_DAY * _CLOCK
    day = pl.when(long).then(whole // _CLOCK).otherwise(whole).cast(pl.String).str.to_date("%Y%m%d")
    clock = pl.when(long).then(whole % _CLOCK).otherwise(0)
    seconds = clock // 10_000 * 3600 + clock // 100 % 100 * 60 + clock % 100
    return frame.select((day.cast(pl.Datetime("us")).dt.epoch("s") + seconds).alias(values.name))[:, 0]


def _parsed(texts: pl.Series, where: Callable[[int], str]) -> pl.Series:
    """Parse texts as numbers or as dates, whichever fails for fewer of them."""
    texts = texts.set(texts == "", None)
    whole = texts.cast(pl.Int64, strict=False)
    if whole.null_count() == texts.null_count():
        return whole
    numbers = texts.cast(pl.Float64, strict=False)
    dates = _dates(texts) if numbers.null_count() > texts.null_count() else numbers
    best = dates if dates.null_count() < numbers.null_count() else numbers
    failed = (best.is_null() & texts.is_not_null()).arg_true()
    if len(failed):
        raise _no_time(texts, failed[0], where)
    return best


def _dates(texts: pl.Series) -> pl.Series:
    """Return dates of texts such as 2024-05-31, 2024/05/31 10:00 or 2024-05-31T10:00:00.5+02 in UTC, null for other texts."""
    unit: TimeUnit = "ns" if texts.str.contains(r"\.\d{7}").any() else "us"
    dates = _iso_dates(texts.str.replace(r"^(\d{4}-\d{2}-\d{2}) ", "${1}T"), unit)
    others = (dates.is_null() & texts.is_not_null()).arg_true()
    if len(others):  # other forms are rare and slow to parse
        dates = dates.scatter(others, _iso_dates(_as_iso(texts.gather(others)), unit))
    return dates


def _iso_dates(texts: pl.Series, unit: TimeUnit) -> pl.Series:
    dates = texts.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit=unit)
    if dates.null_count() > texts.null_count():
        days = texts.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime(unit))
        dates = dates.zip_with(dates.is_not_null(), days)
    if dates.null_count() > texts.null_count():
        zoned = texts.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_unit=unit)
        dates = dates.zip_with(dates.is_not_null(), zoned.dt.replace_time_zone(None))
    return dates


def _as_iso(texts: pl.Series) -> pl.Series:
    """Return dates in ISO format, completing and converting the formats of databases and spreadsheets."""
    for pattern, iso in (
        (r"^(\d{4})/(\d{2})/(\d{2})", "${1}-${2}-${3}"),
        (r"^(\d{4}-\d{2}-\d{2}) ", "${1}T"),
        (r"(T.*\d) ?(?:Z|UTC|GMT)$", "${1}+00:00"),
        (r"(T.*\d) ?([+-]\d{2})$", "${1}${2}:00"),
        (r"(T.*\d) ?([+-]\d{2}):?(\d{2})$", "${1}${2}:${3}"),
        (r"^(.{10}T\d{2}:\d{2})([+-]|$)", "${1}:00${2}"),  # without seconds
    ):
        texts = texts.str.replace(pattern, iso)
    return texts


def _no_time(values: pl.Series, row: int, where: Callable[[int], str]) -> DataError:
    return DataError(
        f"{where(row)}: column {values.name!r} is {values[row]!r}; expected a number or an ISO date such as 2024-05-31"
    )
