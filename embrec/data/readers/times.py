"""Time columns of any kind, as whole seconds in the order they had."""

from collections.abc import Callable
from typing import Literal

import polars as pl

from embrec.data.readers.records import LARGEST
from embrec.errors import DataError

Unit = Literal["s", "ms"]
_PER_SECOND = {"s": 1, "ms": 1000}


def exact_times(values: pl.Series, where: Callable[[int], str], unit: Unit = "s") -> pl.Series:
    """Return times as seconds (or the order numbers that they are), Int64 where whole, else Float64; nulls stay null.

    Args:
        values: integers, floats, dates, datetimes (UTC where they name no zone), or texts of numbers or ISO dates.
        where: names the place of a row, such as "events.csv, line 7".
        unit: of numbers.

    Raises:
        DataError: a value is no number and no date; the message names it.
    """
    if values.dtype == pl.String:
        values = _parsed(values.str.strip_chars(), where)
    if values.dtype == pl.Date:
        return values.cast(pl.Datetime("us")).dt.epoch("s")
    if isinstance(values.dtype, pl.Datetime):
        return _whole(values.dt.epoch("us") / 1_000_000)
    if values.dtype.is_integer():
        whole = values.cast(pl.Int64, strict=False)
        failed = (whole.is_null() & values.is_not_null()).arg_true()
        if len(failed):
            raise _no_time(values, failed[0], where)
        return whole if unit == "s" else _whole(whole / _PER_SECOND[unit])
    if values.dtype.is_float() or values.dtype.is_decimal():
        values = values.cast(pl.Float64)
        bad = (~values.is_finite() | (values.abs() > LARGEST)).fill_null(False).arg_true()
        if len(bad):
            raise _no_time(values, bad[0], where)
        return _whole(values / _PER_SECOND[unit])
    if values.dtype == pl.Null:
        return values.cast(pl.Int64)
    raise DataError(
        f"{where(0)}: column {values.name!r} has the type {values.dtype}; "
        "expected numbers or dates (an order will do as time)"
    )


def _whole(seconds: pl.Series) -> pl.Series:
    return seconds.cast(pl.Int64) if (seconds == seconds.floor()).all() else seconds


def _parsed(texts: pl.Series, where: Callable[[int], str]) -> pl.Series:
    """Read texts as numbers or as dates, whichever more of them are."""
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
    texts = texts.str.replace(r"^(\d{4}-\d{2}-\d{2}) ", "${1}T").str.replace("Z$", "+00:00")
    plain = texts.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us")
    minutes = texts.str.to_datetime("%Y-%m-%dT%H:%M", strict=False, time_unit="us")
    days = texts.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    zoned = texts.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_unit="us").dt.replace_time_zone(None)
    frame = pl.DataFrame({"plain": plain, "minutes": minutes, "days": days, "zoned": zoned})
    return frame.select(pl.coalesce("plain", "minutes", "days", "zoned").alias(texts.name))[:, 0]


def _no_time(values: pl.Series, row: int, where: Callable[[int], str]) -> DataError:
    return DataError(
        f"{where(row)}: column {values.name!r} is {values[row]!r}; expected a number or an ISO date such as 2024-05-31"
    )
