"""Logs of any form, brought to a recommender's catalog by the ids of the items: rows of one catalog say nothing of another."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.catalog import ITEM, Catalog
from embrec.data.interactions import Interactions
from embrec.data.readers.columns import ITEMS, TIMES, USERS, IdNames, find_column
from embrec.data.readers.frames import Frame, open_table
from embrec.data.readers.ids import as_ids, likeness
from embrec.data.readers.raw import USER, check_ids
from embrec.data.readers.times import exact_times
from embrec.data.store import Dataset
from embrec.errors import DataError
from embrec.parameters import call

# A prepared data set, its log, a table in memory, or a file of one.
Log = Dataset | Interactions | Frame | Path | str

# Names that most likely are those of times, in tables where no column has a common name for them.
_OF_TIMES = re.compile(r"time|date|(^|_)(ts|at)$", re.IGNORECASE)


def read_log(log: Log, catalog: Catalog, run: str) -> Interactions:
    """Return a log whose items are rows of a recommender's catalog, whatever catalog its own rows are of.

    Args:
        log: a data set; the log of one; or a table with the columns user, item and, if its rows are not in order, time: a frame
            of Polars or pandas, an Arrow table, a list of dictionaries, or a file. Times are found by their common names, as
            at an import; without a column that may hold them, the rows are in order.
        catalog: of the recommender.
        run: its name, for messages.

    Raises:
        DataError: the log does not say which items its rows are, or has items that the recommender does not know; or the
            table is at fault, or leaves open which of its columns holds the times.
    """
    if isinstance(log, Dataset):
        return _joined(log.interactions, log.catalog.frame[ITEM], catalog, run)
    if isinstance(log, Interactions):
        if log.item_ids is None:
            raise DataError(
                "these interactions do not say of which catalog their items are the rows; give the data set that they belong "
                "to (load_dataset), a table with item ids, or interactions with item_ids"
            )
        return _joined(log, log.item_ids, catalog, run)
    return _of_table(log, catalog, run)


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
    return Interactions(log.user_ids, log.user, item, log.time, item_ids=known)


def _of_table(log: Frame, catalog: Catalog, run: str) -> Interactions:
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
    interactions = Interactions.from_events(
        user_ids=users.to_numpy().astype(object),
        user=_codes(events[USER], users),
        item=_codes(events[ITEM], items),
        time=_order(frame.drop(user, item, strict=False), name, place),
    )
    return _joined(interactions, items, catalog, run)


def _order(frame: pl.DataFrame, name: str, place: Callable[[int], str]) -> NDArray[np.int64]:
    """Return the places of events in time: by the column of times if there is one, else as the rows stand.

    Rows that are taken to be in order and are not would give everybody another list, so what may be times has to be named.
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
        return np.arange(len(frame))
    column = columns[0]
    times = exact_times(frame[column], place).exact
    if times.null_count():
        row = int(times.is_null().arg_true()[0])
        raise DataError(f"{place(row)}: column {column!r} is empty; every event needs its time, or the table none")
    return times.rank("dense").to_numpy().astype(np.int64)  # places, not seconds: no fraction of one is lost


def _codes(values: pl.Series, names: pl.Series) -> NDArray[np.int64]:
    """Return where each value stands among distinct names, [E]."""
    places = pl.DataFrame({"name": names}).with_row_index("place")
    found = pl.DataFrame({"name": values}).join(places, on="name", how="left", maintain_order="left")
    return found["place"].to_numpy().astype(np.int64)


def _unknown_items(events: int, of: int, unknown: pl.Series, known: pl.Series, run: str) -> DataError:
    counts = f"{events:,} of the {of:,} events are of {len(unknown):,} items that run {run!r} does not know"
    found = likeness(unknown, known)
    if found is not None:
        return DataError(
            f"{counts}; {found.pairs:,} of these would be known if ids were written alike: {found.one!r} in the log, "
            f"{found.other!r} in the run's catalog: {found.cause}; mend the ids of the log"
        )
    return DataError(
        f"{counts}, such as {unknown[0]!r}: items that came after its training; give them as new items "
        f"({call('with_items', items='FILE')}), "
        "or train again"
    )
