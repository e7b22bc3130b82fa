"""Logs with a row a user and a list of items in it: one event an item, in the order of the list."""

from collections.abc import Sequence

import polars as pl

from embrec.data.readers.tabular import Part, Table
from embrec.errors import DataError

_ROW = "__row"


def one_event_a_row(table: Table, item_column: str, columns: Sequence[str], notes: dict[str, int]) -> Table:
    """Return a log with one event a row, whichever way it came.

    Lists beside the list of items (of times, of ratings) are taken apart with it, where they are as long; where a list holds
    objects, such as `events: [{"aid": 1, "ts": 2}, ...]`, their keys become columns.

    Args:
        table: the log.
        item_column: its items; a column of lists, or a key of the objects in one.
        columns: all columns that will be read, each of which needs one value an event.
        notes: told how many events came out of lists.

    Raises:
        DataError: lists of one row have different lengths, or a column has several values for one event.
    """
    frame, rows = table.frame, table.rows
    listed = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List | pl.Array)]
    objects = [name for name in listed if item_column not in frame.columns and item_column in _keys(frame.schema[name])]
    if item_column in listed or objects:
        origin = objects[0] if objects else item_column
        arrays = [name for name in listed if isinstance(frame.schema[name], pl.Array)]
        frame = frame.with_columns(pl.col(name).arr.to_list() for name in arrays)
        lengths = frame.select(pl.col(listed).list.len())
        beside = [
            name for name in listed if name != origin and (name in columns or lengths[name].equals(lengths[origin]))
        ]
        for name in beside:
            differs = (lengths[name].fill_null(0) != lengths[origin].fill_null(0)).arg_true()
            if len(differs):
                row = differs[0]
                raise DataError(
                    f"{table.where(row)}: {lengths[origin][row] or 0} items in column {origin!r}, "
                    f"but {lengths[name][row] or 0} values in column {name!r}; both lists need one value an event"
                )
        empty = (lengths[origin].fill_null(0) == 0).sum()
        if empty:
            notes["users with an empty list, left out"] = int(empty)
        indexed = frame.with_row_index(_ROW).filter(pl.col(origin).list.len() > 0)
        indexed = indexed.explode([origin, *beside], empty_as_null=True, keep_nulls=True)
        if objects:
            keys = [key for key in _keys(frame.schema[origin]) if key not in frame.columns]
            taken = [pl.col(origin).struct.field(key).alias(key) for key in keys]
            indexed = indexed.with_columns(taken).drop(origin)
        taken_from = indexed[_ROW]
        # A row's place and its part are those of the list that it came from.
        table = Table(table.path, indexed.drop(_ROW), rows.gather(taken_from), _parts_of(table, taken_from))
        notes[f"events out of lists in column {origin!r}, in the order of each list"] = len(table.frame)
    table.require_plain([name for name in columns if name in table.frame.columns])
    return table


def _keys(dtype: pl.DataType) -> list[str]:
    inner = getattr(dtype, "inner", None)
    return [field.name for field in inner.fields] if isinstance(inner, pl.Struct) else []


def _parts_of(table: Table, taken_from: pl.Series) -> tuple[Part, ...]:
    if not table.parts:
        return ()
    firsts = taken_from.search_sorted(pl.Series([part.first for part in table.parts]), side="left")
    return tuple(Part(part.path, int(first)) for part, first in zip(table.parts, firsts, strict=True))
