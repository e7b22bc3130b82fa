"""Logs of any form as a recommender reads them: items by their ids, with times and the context columns of the model."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.catalog import ITEM, Catalog
from embrec.data.id_mismatch import find_id_mismatch
from embrec.data.interactions import Interactions
from embrec.data.readers.columns import ITEMS, TIMES, USERS, IdNames, find_column
from embrec.data.readers.frames import Frame, open_table
from embrec.data.readers.ids import as_ids
from embrec.data.readers.prices import as_booleans, as_numbers
from embrec.data.readers.raw import USER, check_ids
from embrec.data.readers.times import exact_times
from embrec.data.store import Dataset
from embrec.errors import DataError
from embrec.names import there_are
from embrec.parameters import call

# A prepared data set, its log, a table in memory, or a file of one.
Log = Dataset | Interactions | Frame | Path | str

# Names that most likely are those of times, in tables where no column has a common name for them.
_OF_TIMES = re.compile(r"time|date|(^|_)(ts|at)$", re.IGNORECASE)


def read_log(log: Log, catalog: Catalog, run: str, context: Sequence[str] = ()) -> Interactions:
    """Return a log whose items are rows of a recommender's catalog, whatever catalog its own rows belong to.

    Args:
        log: a data set; the log of one; or a table with the columns user, item and, if its rows are not in order, time: a frame
            of Polars or pandas, an Arrow table, a list of dictionaries, or a file. Times are found by their common names, as
            at an import; without a column that may hold them, the rows are in order.
        catalog: catalog of the recommender.
        run: name of the recommender's run, for messages.
        context: names of the context columns that its model reads; the log must have them, as numbers.

    Raises:
        DataError: the log does not say which items its rows are, has items that the recommender does not know, or lacks a
            context column; or the table is malformed, or it is not clear which of its columns holds the times.
    """
    if isinstance(log, Dataset):
        return _joined(log.interactions.with_context(context), log.catalog.frame[ITEM], catalog, run)
    if isinstance(log, Interactions):
        if log.item_ids is None:
            raise DataError(
                "the items of these interactions are row numbers of an unknown catalog; give the data set that they belong "
                "to (load_dataset), a table with item ids, or interactions with item_ids"
            )
        return _joined(log.with_context(context), log.item_ids, catalog, run)
    return _of_table(log, catalog, run, context)


def _joined(log: Interactions, item_ids: pl.Series, catalog: Catalog, run: str) -> Interactions:
    known = catalog.frame[ITEM]
    if item_ids.equals(known.head(len(item_ids))):
        return log
    rows = pl.DataFrame({ITEM: known}).with_row_index("row")
    joined = pl.DataFrame({ITEM: item_ids.cast(pl.String)}).join(rows, on=ITEM, how="left", maintain_order="left")
    place = joined["row"].cast(pl.Int32).fill_null(-1).to_numpy()
    item = place[log.item]
    missing = np.flatnonzero(item < 0)
    if len(missing):
        unknown = item_ids[log.item[missing]].cast(pl.String).unique(maintain_order=True)
        raise _unknown_items(len(missing), len(log), unknown, known, run)
    return replace(log, item=item, item_ids=known)


def _of_table(log: Frame, catalog: Catalog, run: str, context: Sequence[str]) -> Interactions:
    remarks: list[str] = []
    table = open_table(log, "the log", IdNames((), (USERS, ITEMS)))
    frame, name, place = table.frame, str(table.path), table.where
    if frame.is_empty():
        raise DataError(f"{name} is empty; there is nobody to score")
    user, item = (find_column(frame.columns, role, None, name, remarks) for role in (USERS, ITEMS))
    events = pl.DataFrame([as_ids(frame[user], USER, place).alias(USER), as_ids(frame[item], ITEM, place).alias(ITEM)])
    check_ids(events, USER, place)
    check_ids(events, ITEM, place)
    users, items = (events[kind].unique(maintain_order=True) for kind in (USER, ITEM))
    columns = {column: _numbers(frame, column, name, place) for column in context}
    time, order = _times(frame.drop(user, item, *context, strict=False), name, place)
    interactions = Interactions.from_events(
        user_ids=users.to_numpy().astype(object),
        user=_codes(events[USER], users)[order],
        item=_codes(events[ITEM], items)[order],
        time=time[order],
        context={column: values[order] for column, values in columns.items()},
    )
    return _joined(interactions, items, catalog, run)


def _numbers(frame: pl.DataFrame, column: str, name: str, place: Callable[[int], str]) -> NDArray[np.float64]:
    """Return a context column of a table, NaN where it is empty, [E]."""
    if column not in frame.columns:
        raise DataError(
            f"{name}: the model reads the context column {column!r}, which is missing{there_are(column, frame.columns)}"
        )
    values = as_numbers(as_booleans(frame[column]), [])
    numbers = values.cast(pl.Float64, strict=False)
    wrong = numbers.is_null() & values.is_not_null()
    if wrong.any():
        row = int(wrong.arg_true()[0])
        raise DataError(f"{place(row)}: column {column!r} is {values[row]!r}; a context column holds numbers")
    return numbers.fill_null(float("nan")).to_numpy()


def _times(frame: pl.DataFrame, name: str, place: Callable[[int], str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the times of events in seconds and the order of the rows in time, both [E].

    Without a column of times, the rows are in order and their numbers are the times. Rows taken for ordered that are not would
    change everybody's list, so a column that may hold times has to be named as one.
    """
    columns = TIMES.candidates(frame.columns)
    if len(columns) > 1:
        raise DataError(
            f"{name}: the columns {' and '.join(map(repr, columns))} could both hold the times; call the right one "
            f"{TIMES.usual!r}, or leave the other out"
        )
    if not columns:
        meant = TIMES.likely(frame.columns) or next(filter(_OF_TIMES.search, frame.columns), None)
        dated = (column.name for column in frame.iter_columns() if column.dtype in (pl.Date, pl.Datetime))
        if (meant := meant or next(dated, None)) is not None:
            raise DataError(
                f"{name}: column {meant!r} may hold the times; if it does, call it {TIMES.usual!r}; if the rows are in order "
                "without it, leave it out"
            )
        return np.arange(len(frame)), np.arange(len(frame))
    column = columns[0]
    times = exact_times(frame[column], place)
    if times.exact.null_count():
        row = int(times.exact.is_null().arg_true()[0])
        raise DataError(f"{place(row)}: column {column!r} is empty; give every event a time, or leave the column out")
    # Ordered by the exact times: events of the same second keep the order that its fractions give them.
    order = times.exact.rank("dense").to_numpy().argsort(kind="stable")
    return times.seconds.to_numpy().astype(np.int64), order


def _codes(values: pl.Series, names: pl.Series) -> NDArray[np.int64]:
    """Return the place of each value among distinct names, [E]."""
    places = pl.DataFrame({"name": names}).with_row_index("place")
    found = pl.DataFrame({"name": values}).join(places, on="name", how="left", maintain_order="left")
    return found["place"].to_numpy().astype(np.int64)


def _unknown_items(events: int, of: int, unknown: pl.Series, known: pl.Series, run: str) -> DataError:
    counts = f"{events:,} of the {of:,} events are of {len(unknown):,} items that run {run!r} does not know"
    found = find_id_mismatch(unknown, known)
    if found is not None:
        return DataError(
            f"{counts}; {found.pairs:,} of these would be known if ids were written alike: {found.one!r} in the log, "
            f"{found.other!r} in the run's catalog: {found.cause}; correct the ids of the log"
        )
    return DataError(
        f"{counts}, such as {unknown[0]!r}: items that came after its training; give them as new items "
        f"({call('with_items', items='FILE')}), "
        "or train again"
    )
