"""Logs with a row a user and a list of items in it: one event an item, in the order of the list."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from embrec.data.readers.tabular import Part, Table
from embrec.errors import DataError

_ROW = "__row"


def objects_as_lists(table: Table) -> Table:
    """Return a log whose lists of objects, such as `events: [{"aid": 1, "ts": 2}]`, are a list for each key: `aid` and `ts`."""
    frame = table.frame
    for name, dtype in table.frame.schema.items():
        inner = getattr(dtype, "inner", None)
        if isinstance(inner, pl.Struct):
            keys = [field.name for field in inner.fields if field.name not in frame.columns]
            values = pl.col(name).arr.to_list() if isinstance(dtype, pl.Array) else pl.col(name)
            taken = [values.list.eval(pl.element().struct.field(key)).alias(key) for key in keys]
            frame = frame.with_columns(taken).drop(name)
    return replace(table, frame=frame)


def one_event_a_row(table: Table, item_column: str, columns: Sequence[str], notes: dict[str, int]) -> Table:
    """Return a log with one event a row, whichever way it came.

    Lists beside the list of items (of times, of ratings) are taken apart with it, where they are as long.

    Args:
        table: the log.
        item_column: its items.
        columns: all columns that will be read, each of which needs one value an event.
        notes: told how many events came out of lists.

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
                    f"column {name!r}; both lists need one value an event"
                )
        if empty := int((items == 0).sum()):
            notes["users with an empty list, left out"] = empty
        indexed = frame.with_row_index(_ROW).filter(items > 0)
        indexed = indexed.explode([item_column, *beside])
        # A row's place and its part are those of the list that it came from.
        rows = table.rows.gather(indexed[_ROW])
        table = replace(table, frame=indexed.drop(_ROW), rows=rows, parts=_parts_of(table, indexed[_ROW]))
        notes["events taken out of lists, in the order of each list"] = len(table.frame)
    table.require_plain([name for name in columns if name in table.frame.columns])
    return table


def _parts_of(table: Table, taken_from: pl.Series) -> tuple[Part, ...]:
    if not table.parts:
        return ()
    firsts = taken_from.search_sorted(pl.Series([part.first for part in table.parts]), side="left")
    return tuple(Part(part.path, int(first)) for part, first in zip(table.parts, firsts, strict=True))
