"""Logs with one row per user and a list of items: conversion to one row per event, in the order of the list."""

import re
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from embrec.data.readers.tabular import SourceTable, TablePart
from embrec.errors import DataError
from embrec.parameters import call

_ROW = "__row"
_LIST = r"(?s)^\[[^\[\]{}]*\]$"
_QUOTED = r"'([^']*)'|\"([^\"]*)\""
_FEW_ROWS = 3  # minimum number of rows for a judgement
_SAMPLE = 100  # rows checked first, to rule out most logs quickly
_MOST = 0.9
_SHOWN = 40


def objects_as_lists(table: SourceTable) -> SourceTable:
    """Return a log in which a list of objects, `events: [{"aid": 1, "ts": 2}]`, becomes one list per key, `aid` and `ts`."""
    frame = table.frame
    for name, dtype in table.frame.schema.items():
        inner = getattr(dtype, "inner", None)
        if isinstance(inner, pl.Struct):
            keys = [field.name for field in inner.fields if field.name not in frame.columns]
            values = pl.col(name).arr.to_list() if isinstance(dtype, pl.Array) else pl.col(name)
            taken = [values.list.eval(pl.element().struct.field(key)).alias(key) for key in keys]
            frame = frame.with_columns(taken).drop(name)
    return replace(table, frame=frame)


def texts_as_lists(table: SourceTable, item_column: str, columns: Sequence[str]) -> SourceTable:
    """Return a log in which lists written as text, as in files without types (`[1, 2]`, `['a', 'b']`), become lists.

    Args:
        table: log.
        item_column: column of the items; without lists in it, the log is returned unchanged.
        columns: all columns that will be read.
    """
    frame = table.frame
    if not _written_lists(frame[item_column]):
        return table
    for name in columns:
        if name in frame.columns and _written_lists(frame[name]):
            frame = frame.with_columns(
                pl.Series(name, [_parts(text) for text in frame[name]], dtype=pl.List(pl.String))
            )
    return replace(table, frame=frame)


def refuse_several_ids(table: SourceTable, item_column: str, users: pl.Series, items: pl.Series) -> None:
    """Raise if each user has one row with several ids in one text, such as `12 7 30`, which would pass for one item id.

    Args:
        table: log.
        item_column: name of the column of the items, for the message.
        users: user id of each row.
        items: item id of each row.

    Raises:
        DataError: the log has this form; the message has the first such row and the supported forms.
    """
    marked = items.head(_SAMPLE).str.strip_chars().str.contains(r"[,;| ]").sum()
    if len(items) < _FEW_ROWS or marked < _MOST * min(_SAMPLE, len(items)) or not users.is_unique().all():
        return
    parts = items.str.strip_chars().str.split(by=_separator(items))
    several = parts.list.len() > 1
    alone = parts.explode().str.strip_chars()
    numbered = alone.str.contains(r"\d")  # ids with digits, unlike the words of a name
    if several.sum() > _MOST * len(items) and numbered.sum() > _MOST * len(alone) > alone.n_unique():
        row = int(several.arg_true()[0])
        shown = items[row] if len(items[row]) <= _SHOWN else items[row][:_SHOWN] + "..."
        raise DataError(
            f"{table.where(row)}: column {item_column!r} holds several ids in one text, {shown!r}, and no user has a second "
            f"row; write lists such as [12, 7, 30], one event per row, or read histories with {call('SequencesSource')}"
        )


def _separator(items: pl.Series) -> str:
    """Return the separator found in most of the texts."""
    return max((",", ";", "|", " "), key=lambda mark: items.str.contains(mark, literal=True).sum())


def _written_lists(values: pl.Series) -> bool:
    if values.dtype != pl.String:
        return False
    texts = values.drop_nulls()
    return len(texts) > 0 and all(
        part.str.strip_chars().str.contains(_LIST).all() for part in (texts.head(_SAMPLE), texts)
    )


def _parts(text: str | None) -> list[str] | None:
    """Return the values of a list written as JSON, Python or NumPy text, each as unchanged text."""
    if text is None:
        return None
    inner = text.strip()[1:-1].strip()
    if not inner:
        return []
    quoted = re.findall(_QUOTED, inner)
    if quoted and not re.sub(_QUOTED, "", inner).strip(", \t\r\n"):
        return [one or other for one, other in quoted]
    return [part.strip() for part in (inner.split(",") if "," in inner else inner.split())]


def one_event_a_row(table: SourceTable, item_column: str, columns: Sequence[str], notes: dict[str, int]) -> SourceTable:
    """Return a log with one event per row; lists of items are exploded.

    Lists in other columns (of times, of ratings) are exploded together with the items if they have the same lengths.

    Args:
        table: log.
        item_column: column of the items.
        columns: all columns that will be read, each with one value per event.
        notes: mapping that receives the number of events taken out of lists.

    Raises:
        DataError: lists of one row have different lengths, or a column has several values for one event.
    """
    frame = table.frame
    listed = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List | pl.Array)]
    if item_column in listed:
        arrays = [name for name in listed if isinstance(frame.schema[name], pl.Array)]
        frame = frame.with_columns(pl.col(name).arr.to_list() for name in arrays)
        lengths = frame.select(pl.col(listed).list.len().fill_null(0))
        items = lengths[item_column]
        beside = [name for name in listed if name != item_column and (name in columns or lengths[name].equals(items))]
        for name in beside:
            differs = (lengths[name] != items).arg_true()
            if len(differs):
                row = differs[0]
                raise DataError(
                    f"{table.where(row)}: {items[row]} items in column {item_column!r}, but {lengths[name][row]} values in "
                    f"column {name!r}; both lists need one value per event"
                )
        if empty := int((items == 0).sum()):
            notes["users with an empty list, left out"] = empty
        indexed = frame.with_row_index(_ROW).filter(items > 0)
        indexed = indexed.explode([item_column, *beside])
        # Each new row keeps the position and the file of the list that it came from.
        rows = table.rows.gather(indexed[_ROW])
        table = replace(table, frame=indexed.drop(_ROW), rows=rows, parts=_parts_of(table, indexed[_ROW]))
        notes["events taken out of lists, in the order of each list"] = len(table.frame)
    table.require_plain([name for name in columns if name in table.frame.columns])
    return table


def _parts_of(table: SourceTable, taken_from: pl.Series) -> tuple[TablePart, ...]:
    if not table.parts:
        return ()
    firsts = taken_from.search_sorted(pl.Series([part.first for part in table.parts]), side="left")
    return tuple(TablePart(part.path, int(first)) for part, first in zip(table.parts, firsts, strict=True))
