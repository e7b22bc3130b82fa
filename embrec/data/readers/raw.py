"""What a reader hands over: events and items as they stand in the files, checked but not yet filtered."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import polars as pl

from embrec.errors import DataError
from embrec.progress import Progress

USER, ITEM, TIME = "user", "item", "time"

# The times as exactly as the source has them, in whatever unit, where whole seconds do not say it all.
EXACT = "exact_time"

# The note of how many rows of a catalog were left out, for others of the same item stand before them.
REPEATED = "repeated catalog rows, the first of each item kept"

# Item ids become file names and parts of URLs; control characters would break lists of ids, one a line.
UNUSABLE = r"[/\x00-\x1f\x7f]"


@dataclass(frozen=True)
class RawData:
    """One source, read whole.

    Attributes:
        events: `user` and `item` (text), `time` (int64: seconds since 1970, or any increasing order), then the columns
            named in `context`, as `context_name` calls them; in input order, which breaks ties in time. Optionally
            `exact_time` (numbers), which then decides order and repeats.
        items: `item` (unique) and what the source says of it, in the source's order; None where there is no catalog.
        text_columns: the columns of `items` that encoders read, in reading order.
        context: the columns of `events` beyond the first three.
        whole_catalog: True where the catalog is meant as it is, False where it lists many items nobody touched.
        notes: what the reader left out or could not find, in words -> how many.
        remarks: what the reader took for granted, such as which column holds the times, in words.
        title_column: the column of `items` that people read as the item's name; the likely one if None.
    """

    events: pl.DataFrame
    items: pl.DataFrame | None = None
    text_columns: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    whole_catalog: bool = False
    notes: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    title_column: str | None = None


def context_name(name: str) -> str:
    """Return what a context column is called among the events: its own name, unless that has another meaning there.

    >>> context_name("rating"), context_name("time")
    ('rating', 'context.time')
    """
    taken = name in (USER, ITEM, TIME, EXACT) or name.startswith(("__", "context."))
    return f"context.{name}" if taken else name


class Source(Protocol):
    """A place that data come from: the options of its reader, and the reader."""

    def files(self) -> list[Path]:
        """Return the files that `read` will open, so that a changed input is noticed.

        Raises:
            DataError: a file does not exist.
        """
        ...

    def read(self, progress: Progress) -> RawData:
        """Read everything.

        Raises:
            DataError: a file is missing, damaged or malformed; the message names the place.
        """
        ...


def id_problem(kind: str, value: str | None) -> str | None:
    """Return what is wrong with an id of a user or an item in words, None if nothing is."""
    if value is None or not value.strip():
        return f"the {kind} id is empty; every event and every item needs one"
    if kind == ITEM and (re.search(UNUSABLE, value) or value in (".", "..")):
        return (
            f"the item id {value!r} has a slash or another character that a file name cannot have; "
            "replace it in all files (for example by '-')"
        )
    return None


def bad_id(kind: str, column: str | None = None) -> pl.Expr:
    """Return an expression that is True where `id_problem` finds fault with a text column."""
    value = pl.col(column or kind)
    bad = value.is_null() | (value.str.strip_chars() == "")
    if kind == ITEM:
        bad = bad | value.str.contains(UNUSABLE) | value.is_in([".", ".."])
    return bad.fill_null(True)


def check_ids(frame: pl.DataFrame, kind: str, where: Callable[[int], str]) -> None:
    """Raise if the column `kind` (`user` or `item`) has an unusable id.

    Args:
        frame: has the column.
        kind: which.
        where: names the place of a row of the frame, such as "events.csv, line 7".

    Raises:
        DataError: the first unusable id and where it stands.
    """
    bad = frame.select(bad_id(kind).arg_true())[:, 0]
    if len(bad):
        raise DataError(f"{where(bad[0])}: {id_problem(kind, frame[kind][bad[0]])}")


def unique_items(items: pl.DataFrame, notes: dict[str, int]) -> pl.DataFrame:
    """Return the first row of each item, in order, and note how many repeated rows that leaves out."""
    first = items.unique(ITEM, keep="first", maintain_order=True)
    if len(first) < len(items):
        notes[REPEATED] = len(items) - len(first)
    return first


def require_events(events: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Return the events if there are any.

    Raises:
        DataError: the log is empty.
    """
    if events.is_empty():
        raise DataError(f"{path}: the interaction log is empty; nothing can be learned from it")
    return events


def require_file(path: Path) -> Path:
    """Return the path of an existing file.

    Raises:
        DataError: there is no such file.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the file itself")
    if not path.is_file():
        raise DataError(f"no such file: {path}")
    return path
