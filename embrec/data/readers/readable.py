"""Columns of a catalog as text for encoders: conversion of lists, and detection of columns that are not text."""

import ast
import json
import re
import warnings
from collections.abc import Iterable
from typing import Any

import polars as pl

from embrec.data.readers.ids import decoded
from embrec.data.readers.prices import as_booleans, as_numbers
from embrec.data.readers.text import COMMA_PRICE, POINT_PRICE, joined
from embrec.parameters import parameter

# Names of columns with lists of other items in public data sets.
RELATIONS = frozenset({"also_bought", "also_viewed", "also_buy", "also_view", "bought_together", "buy_after_viewing"})

# Reasons why a column is not text.
IDS, CODES, NESTED, LINKS, FILES = "ids of items", "codes and numbers", "nested", "links", "names of files"
DATES = "dates"

_MOST = 0.9
_HALF = 0.5
_SAMPLE = 2000  # number of texts searched for ids
_CODE_NAMES = frozenset(
    {"id", "ids", "no", "nr", "code", "codes", "key", "sku", "asin", "ean", "gtin", "upc", "isbn", "uuid"}
)
_NUMBER = r"^\s*[+-]?\d[\d.,\s]*$"
_LINK = "^https?://"
_DATE = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}\S*)?$"
_FILE = r"(?i)^\S+\.(jpe?g|png|webp|gif)$"


def readable(
    values: pl.Series, items: pl.Series, remarks: list[str], *, wanted: bool
) -> tuple[pl.Series | None, str | None]:
    """Convert a column of a catalog to text or numbers.

    Lists become text, also lists written as text, as in many CSV files, even in some rows only. Prices become numbers, nested
    mappings JSON.

    Args:
        values: column of the catalog.
        items: item ids of the catalog.
        remarks: list that receives remarks about conversions.
        wanted: True if the user named the column as a text: it stays text.

    Returns:
        The converted column, None if its type is not supported, and the reason why it is not text, None if it is.
    """
    if _has(values.dtype, pl.Binary) or _has(values.dtype, pl.Object):
        texts = decoded(values) if values.dtype == pl.Binary else None
        if texts is None or texts.null_count() > values.null_count():
            remarks.append(
                f"column {values.name!r} of the catalog holds {values.dtype}, which cannot be read: left out"
            )
            return None, None
        values = texts
    if _has(values.dtype, pl.Struct):
        return pl.Series(values.name, [_json(value) for value in values.to_list()], dtype=pl.String), NESTED
    if values.dtype == pl.Duration and wanted:
        values = values.dt.to_string()
    parts: pl.Series | None = None
    reason: str | None = None
    if isinstance(values.dtype, pl.List | pl.Array):
        lists = values.to_list()
        parts = pl.Series(_leaves(lists), dtype=pl.String, strict=False)
        reason = CODES if _innermost(values.dtype).is_numeric() else None
        values = pl.Series(values.name, [joined(value, ", ") for value in lists], dtype=pl.String)
    elif values.dtype in (pl.Categorical, pl.Null) or isinstance(values.dtype, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype != pl.String:
        return values, None
    if parts is None:
        values, parts, nested = _unlisted(values)
        reason = NESTED if nested else None
    reason = reason or _no_text(values, parts, items)
    if reason in (None, CODES) and not wanted:
        numbers = as_numbers(as_booleans(values), remarks)
        if numbers.dtype != pl.String:
            return numbers, None
    return values, reason


def left_out(reasons: dict[str, str]) -> str | None:
    """Return the remark about columns that are not text, or None.

    Args:
        reasons: name of a column -> reason.
    """
    if not reasons:
        return None
    kinds = [
        f"{', '.join(name for name, reason in reasons.items() if reason == kind)} ({kind})"
        for kind in dict.fromkeys(reasons.values())
    ]
    return f"not read as text: {'; '.join(kinds)}; to read what you choose: {parameter('text_column')}"


def _no_text(values: pl.Series, parts: pl.Series, items: pl.Series) -> str | None:
    if values.name in RELATIONS:
        return IDS
    texts = values.str.strip_chars()
    filled = texts.filter((texts != "").fill_null(False))
    if filled.is_empty():
        return None
    if _share(filled.str.contains(_LINK)) > _MOST:
        return LINKS
    if _share(filled.str.contains(_FILE)) > _MOST:
        return FILES
    if _share(filled.str.contains(_DATE)) > _MOST:
        return DATES
    if len(parts):  # of lists
        found = parts.unique()
    else:
        found = (
            filled.head(_SAMPLE).str.split(",").explode().str.split(" ").explode().str.strip_chars("[]'\" ").unique()
        )
    found = found.filter((found != "").fill_null(False))
    if len(found) and _share(found.is_in(items.implode())) >= _HALF:
        return IDS
    numbers = [filled.str.contains(form) for form in (_NUMBER, COMMA_PRICE, POINT_PRICE)]
    if _share(numbers[0] | numbers[1] | numbers[2]) > _MOST:
        return CODES
    last = _words(values.name)[-1:]
    if last and last[0] in _CODE_NAMES and _share(filled.str.contains(r"\s")) < 1 - _MOST:
        return CODES
    return None


def _words(name: str) -> list[str]:
    """Return the words of a column's name, of camel case (`articleCode`) and snake case (`article_code`)."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[\W_]+", spaced) if word]


def _share(marks: pl.Series) -> float:
    share = marks.fill_null(False).mean()
    return float(share) if isinstance(share, float) else 0.0


def _unlisted(values: pl.Series) -> tuple[pl.Series, pl.Series, bool]:
    """Return a column with lists written as text joined, the elements of all lists, and True if most values are mappings."""
    texts = values.str.strip_chars()
    first, last = texts.str.head(1), texts.str.tail(1)
    marked = (((first == "[") & (last == "]")) | ((first == "{") & (last == "}"))).fill_null(False)
    rows = marked.arg_true()
    leaves: list[str] = []
    nested = 0
    if len(rows):
        written = values.gather(rows).to_list()
        found = [_parsed(text) for text in written]
        for place, value in enumerate(found):
            if _holds_mapping(value):
                nested += 1
            elif isinstance(value, list):
                leaves.extend(_leaves(value))
                written[place] = joined(value, ", ")
        values = values.scatter(rows, pl.Series(written, dtype=pl.String))
    return values, pl.Series(leaves, dtype=pl.String), nested > (len(values) - values.null_count()) * _HALF


def _parsed(text: str) -> Any:
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
        for parse in (json.loads, ast.literal_eval):
            try:
                return parse(text)
            except (
                ValueError,
                TypeError,
                SyntaxError,
                MemoryError,
                RecursionError,
            ):  # TypeError: {{}}, a set of mappings
                continue
    return text


def _holds_mapping(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_holds_mapping, value)))


def _leaves(value: Any) -> list[str]:
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | dict):
        return [leaf for part in value for leaf in _leaves(part)]
    return [] if value is None else [str(value)]


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)


def _innermost(dtype: pl.DataType) -> pl.DataType:
    while isinstance(dtype, pl.List | pl.Array):
        dtype = dtype.inner  # type: ignore[assignment]
    return dtype


def _has(dtype: Any, kind: type[pl.DataType]) -> bool:
    if isinstance(dtype, pl.Struct):
        return kind is pl.Struct or any(_has(field.dtype, kind) for field in dtype.fields)
    if isinstance(dtype, pl.List | pl.Array):
        return _has(dtype.inner, kind)
    return dtype == kind
