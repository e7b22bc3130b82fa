"""The output of a reader: events and items as they are in the files, checked but not filtered."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import polars as pl

from embrec.errors import DataError
from embrec.progress import Progress

USER, ITEM, TIME = "user", "item", "time"

# Times in the source's own unit, if it is more precise than seconds.
EXACT = "exact_time"

# Note about rows of a catalog left out because the item has an earlier row.
REPEATED = "repeated catalog rows, the first of each item kept"

# Item ids become file names and parts of URLs; control characters would break lists with one id per line.
UNUSABLE = r"[/\x00-\x1f\x7f]"


@dataclass(frozen=True)
class RawData:
    """The complete data of one source.

    Attributes:
        events: table with `user` and `item` (text), `time` (int64: seconds since 1970, or any increasing order) and the
            columns of `context`, renamed by `context_name`; in input order, which breaks ties in time. Optionally `exact_time`
            (numbers), which then determines order and repeats.
        items: table with `item` (unique) and its attributes, in the order of the source; None without a catalog.
        text_columns: columns of `items` that encoders read, in reading order.
        context: further columns of `events`.
        whole_catalog: True to keep items without events; False for catalogs with many of them.
        notes: description of something left out or missing -> count.
        remarks: assumptions, such as which column holds the times.
        title_column: column of `items` with names for people; None: the likely one.
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
    """Return the name of a context column in the events: its own name, with a prefix if that name is reserved.

    >>> context_name("rating"), context_name("time")
    ('rating', 'context.time')
    """
    taken = name in (USER, ITEM, TIME, EXACT) or name.startswith(("__", "context."))
    return f"context.{name}" if taken else name


class Source(Protocol):
    """A source of data: the options of a reader, and the reader."""

    def files(self) -> list[Path]:
        """Return the files that `read` will open; their changes invalidate an import.

        Raises:
            DataError: a file does not exist.
        """
        ...

    def read(self, progress: Progress) -> RawData:
        """Read all data.

        Raises:
            DataError: a file is missing, damaged or malformed; the message has the position.
        """
        ...


def id_problem(kind: str, value: str | None) -> str | None:
    """Return a description of the problem of a user or item id, None for a valid id."""
    if value is None or not value.strip():
        return f"the {kind} id is empty; every event and every item needs one"
    if kind == ITEM and (re.search(UNUSABLE, value) or value in (".", "..")):
        return (
            f"the item id {value!r} has a slash or another character that a file name cannot have; "
            "replace it in all files (for example by '-')"
        )
    return None


def bad_id(kind: str) -> pl.Expr:
    """Return an expression that is True where `id_problem` finds a problem in the column `kind`."""
    value = pl.col(kind)
    bad = value.is_null() | (value.str.strip_chars() == "")
    if kind == ITEM:
        bad = bad | value.str.contains(UNUSABLE) | value.is_in([".", ".."])
    return bad.fill_null(True)


def check_ids(frame: pl.DataFrame, kind: str, where: Callable[[int], str]) -> None:
    """Raise if the column `kind` (`user` or `item`) has an unusable id.

    Args:
        frame: table with the column.
        kind: name of the column.
        where: function from a row of the frame to its position, such as "events.csv, line 7".

    Raises:
        DataError: an id is unusable; the message has the first one and its position.
    """
    bad = frame.select(bad_id(kind).arg_true())[:, 0]
    if len(bad):
        raise DataError(f"{where(bad[0])}: {id_problem(kind, frame[kind][bad[0]])}")


def unique_items(items: pl.DataFrame, notes: dict[str, int]) -> pl.DataFrame:
    """Return the first row of each item, in order, and note the number of repeated rows left out."""
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
        raise DataError(f"{path}: the interaction log is empty")
    return events


def require_file(path: Path) -> Path:
    """Return the path of an existing file.

    Raises:
        DataError: the file does not exist.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the file itself")
    if not path.is_file():
        raise DataError(f"no such file: {path}")
    return path
