"""Ids of users and items: conversion to text, and warnings about ids that do not match between log and catalog.

Ids are kept unchanged: blanks, case and leading zeros count. If such differences keep log and catalog apart, the comparison
reports them.
"""

from collections.abc import Callable

import polars as pl

from embrec.data.id_mismatch import IdMismatch, find_id_mismatch
from embrec.errors import DataError

# Largest whole numbers up to which a floating-point type represents every whole number.
_EXACT: dict[type[pl.DataType], int] = {pl.Float32: 2**24, pl.Float64: 2**53}


_FEW = 0.5  # share of the log's items in the catalog below which there is a warning even without a known cause
_WORTH_SAYING = 0.1  # share of unmatched ids explained by a cause, from which on it is reported


def as_ids(values: pl.Series, kind: str, where: Callable[[int], str]) -> pl.Series:
    """Return ids as text; whole numbers stored as floats lose their ".0", NaN is a missing id.

    Args:
        values: text, whole numbers, dates, or categories of these.
        kind: `user` or `item`.
        where: function from a row to its position, such as "events.csv, line 7".

    Raises:
        DataError: the column has another type, a fraction, or floating-point numbers too large to tell ids apart.
    """
    dtype = values.dtype
    if dtype.is_float():
        return _whole(values, kind, where).cast(pl.Int64).cast(pl.String)
    if dtype.is_decimal():
        texts = values.cast(pl.String).str.replace(r"\.0+$", "")
        _refuse(texts.str.contains(".", literal=True), texts, kind, where, "a fraction; ids are text or whole numbers")
        return texts
    if dtype == pl.Binary:
        texts = decoded(values)
        _refuse(texts.is_null() & values.is_not_null(), values, kind, where, "not UTF-8 text")
        return texts
    textual = dtype in (pl.String, pl.Categorical, pl.Null) or isinstance(dtype, pl.Enum)
    if textual or dtype.is_integer() or dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return values.cast(pl.String)
    place = where(0) if len(values) else "the table"
    raise DataError(
        f"{place}: column {values.name!r} has the type {dtype}; expected the {kind} ids, text or whole numbers"
    )


def decoded(values: pl.Series) -> pl.Series:
    """Return bytes as text, null where they are not UTF-8; some programs store text as bytes."""
    try:
        return values.cast(pl.String)
    except pl.exceptions.PolarsError:
        return pl.Series(values.name, [_decoded(value) for value in values.to_list()], dtype=pl.String)


def check_match(log: pl.Series, catalog: pl.Series) -> str | None:
    """Return a warning if suspiciously few items of the log are in the catalog, else None.

    A catalog may lack items. But if no item matches, or many would if their ids were written the same way, the two files most
    likely need a correction.

    Args:
        log: distinct item ids of the log.
        catalog: item ids of the catalog.

    Raises:
        DataError: no item of the log is in the catalog; the message has an example of each and the likely cause.
    """
    lost = log.filter(~log.is_in(catalog.implode())).sort()  # for reproducible examples
    if lost.is_empty():
        return None
    if catalog.is_empty():
        raise DataError("the catalog is empty, so no item of the log is in it; leave it out if there is none")
    alone = catalog.filter(~catalog.is_in(log.implode()))
    found = find_id_mismatch(lost, alone)
    matching = len(log) - len(lost)
    if matching == 0:
        raise DataError(
            f"no item of the log ({len(log):,}) is in the catalog ({len(catalog):,}): "
            + (_told(found) if found else f"{lost[0]!r} is an id of the log, {catalog[0]!r} one of the catalog")
            + "; "
            + ("fix the ids of one side" if found else "do both columns hold ids of the same items?")
        )
    counts = f"{matching:,} of the {len(log):,} items of the log are in the catalog ({_percent(matching, len(log))})"
    if found and found.pairs >= _WORTH_SAYING * len(lost):
        return f"only {counts}; {found.pairs:,} more would be if their ids were written the same way: {_told(found)}"
    if matching < _FEW * len(log):
        return f"only {counts}; for example, {lost[0]!r} has no metadata, while the catalog has ids like {catalog[0]!r}"
    return None


def check_blanks(log: pl.Series, kind: str) -> str | None:
    """Return a warning if some ids of the log differ only by surrounding blanks.

    Args:
        log: distinct ids of the log.
        kind: `user` or `item`.
    """
    padded = log.filter(log.str.strip_chars() != log)
    if padded.is_empty():
        return None
    twins = padded.filter(padded.str.strip_chars().is_in(log.implode())).sort()
    if twins.is_empty():
        return None
    return f"{len(twins):,} {kind} ids of the log differ from others only by blanks around them, such as {twins[0]!r}"


def check_digits(log: pl.Series, kind: str) -> str | None:
    """Return a warning if ids of the log are long numbers shortened by a spreadsheet: `1.08775E+11`.

    Args:
        log: distinct ids of the log.
        kind: `user` or `item`.
    """
    log = log.filter(log.str.contains("E+", literal=True) | log.str.contains("e+", literal=True))
    short = log.filter(log.str.contains(r"^\s*\d([.,]\d+)?[eE]\+\d{2,}\s*$")).sort()
    if short.is_empty():
        return None
    return (
        f"{len(short):,} {kind} ids of the log are shortened numbers, such as {short[0]!r}: spreadsheets shorten "
        "long numbers, and ids that differ in the lost digits become equal; export the ids as text"
    )


def _told(found: IdMismatch) -> str:
    return f"{found.one!r} in the log, {found.other!r} in the catalog: {found.cause}"


def _percent(part: int, whole: int) -> str:
    """Return a percentage, rounded to between 0.1 % and 99.9 %."""
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f} %"


def _whole(values: pl.Series, kind: str, where: Callable[[int], str]) -> pl.Series:
    values = values.fill_nan(None)
    fraction = ~values.is_finite() | (values != values.floor())
    _refuse(fraction, values, kind, where, "not a whole number; ids are text or whole numbers")
    largest = _EXACT.get(type(values.dtype), 2**11)
    reason = "a floating-point number so large that it has lost digits; write the ids as text or as integers"
    _refuse(values.abs() > largest, values, kind, where, reason)
    return values


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _refuse(bad: pl.Series, values: pl.Series, kind: str, where: Callable[[int], str], reason: str) -> None:
    rows = bad.fill_null(False).arg_true()
    if len(rows):
        raise DataError(f"{where(rows[0])}: the {kind} id is {values[rows[0]]!r}, {reason}")
