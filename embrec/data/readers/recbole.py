"""Reader of RecBole's atomic files: tab-separated tables with typed columns, such as `timestamp:float`, in the header.

Source: [zhao2021], https://recbole.io/docs/user_guide/data/atomic_files.html.

`NAME.inter` is the log, `NAME.item` the catalog; other files, such as `NAME.user`, are ignored. Types are token, token_seq
(tokens separated by blanks), float and float_seq.
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import ConfigDict, Field

from embrec.data.readers.containers import split_member
from embrec.data.readers.delimited import shown
from embrec.data.readers.formats import ATOMIC
from embrec.data.readers.guide import Guide
from embrec.data.readers.images import images_in_folder
from embrec.data.readers.published import file_named, header_of, read_columns, the_only, time_columns
from embrec.data.readers.raw import (
    EXACT,
    ITEM,
    TIME,
    USER,
    RawData,
    check_ids,
    require_events,
    require_file,
    unique_items,
)
from embrec.data.readers.records import LARGEST
from embrec.data.readers.tabular import SourceTable
from embrec.errors import DataError
from embrec.names import did_you_mean
from embrec.parameters import parameter
from embrec.progress import Progress, silent
from embrec.validation import Checked

_TYPES = ("token", "token_seq", "float", "float_seq")
_LIKELY_TITLES = ("title", "name", "movie_title", "product_title", "item_name", "book_title")


class RecBoleSource(Checked):
    """A folder of atomic files, or the `.inter` file in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: ClassVar[tuple[str, ...]] = ("recbole",)
    guides: ClassVar[dict[str, Guide]] = {
        "recbole": Guide(
            "atomic files of RecBole, in which many public data sets are passed on",
            "NAME.inter (user_id:token, item_id:token, timestamp:float, ...) and, if it is there, NAME.item",
            {"source": "recbole", "path": "ml-1m", "category": "ml-1m"},
            "https://recbole.io/dataset_list.html",
            "those of each data set",
        )
    }
    source: Literal["recbole"] = "recbole"
    path: Annotated[Path, Field(description="the folder of the files, or the .inter file")]
    user_column: Annotated[str, Field(description="of the log, without its type")] = "user_id"
    item_column: Annotated[str, Field(description="of both files, without its type")] = "item_id"
    time_column: Annotated[str, Field(description="of the log, without its type")] = "timestamp"
    images: Annotated[Path | None, Field(description="folder of images named <item>.jpg")] = None

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return True if a folder or a file is of this source."""
        return bool(_logs(path)) if path.is_dir() else ".inter" in path.suffixes

    def files(self) -> list[Path]:
        """Return the input files; see `Source`."""
        if self.path.is_dir():
            log = the_only(_logs(self.path), self.path, ".inter file")
        else:
            log = self.path
            require_file(split_member(log)[0])
        stem = log.name.split(".inter")[0]
        items = file_named(log.parent, stem.split(".")[0] + ".item")
        return [split_member(log)[0], *([items] if items is not None else [])]

    def read(self, progress: Progress = silent) -> RawData:
        """Read the log and the catalog; see `Source`."""
        log, *catalog = self.files()
        notes: dict[str, int] = {}
        remarks: list[str] = []
        events, context = self._events(_typed(log, progress), remarks)
        if not catalog:
            if self.images is not None:
                raise DataError(f"images need the items they belong to; {log.parent} has no .item file")
            return RawData(events, context=context, notes=notes, remarks=remarks)
        items, texts, title = self._items(_typed(catalog[0], progress), remarks)
        items = unique_items(items, notes)
        if self.images is not None:
            items = images_in_folder(items, self.images, notes)
        return RawData(events, items, texts, context, notes=notes, remarks=remarks, title_column=title)

    def read_catalog(self, items: Path | pl.DataFrame) -> pl.DataFrame | None:
        """Return the items of a `.item` file as `read` does; None for a file of another form."""
        if isinstance(items, pl.DataFrame):
            return None
        if not any(name.startswith(f"{self.item_column}:") for name in header_of(items, ATOMIC)):
            return None
        return unique_items(self._items(_typed(items, silent), [])[0], {})

    def picture_folders(self) -> list[Path]:
        """Return the folders that may hold pictures of items."""
        return [] if self.images is None else [self.images]

    def _events(self, file: "_Atomic", remarks: list[str]) -> tuple[pl.DataFrame, tuple[str, ...]]:
        frame, table = file.table.frame, file.table
        for column in (self.user_column, self.item_column, self.time_column):
            file.require(column)
        require_events(frame, table.path)
        events = frame.select(pl.col(self.user_column).alias(USER), pl.col(self.item_column).alias(ITEM))
        check_ids(events, USER, table.where)
        check_ids(events, ITEM, table.where)
        events = events.with_columns(time_columns(_numbers(table, self.time_column), table.where, remarks))
        used = (self.user_column, self.item_column, self.time_column)
        context = tuple(
            name
            for name, kind in file.types.items()
            if kind == "float" and name not in (*used, USER, ITEM, TIME, EXACT)
        )
        numbers = (frame[name].cast(pl.Float64, strict=False).fill_null(float("nan")) for name in context)
        return events.with_columns(numbers), context

    def _items(self, file: "_Atomic", remarks: list[str]) -> tuple[pl.DataFrame, tuple[str, ...], str | None]:
        file.require(self.item_column)
        frame = file.table.frame
        columns, texts = [frame[self.item_column].alias(ITEM)], []
        check_ids(pl.DataFrame(columns), ITEM, file.table.where)
        vectors = []
        for name, kind in file.types.items():
            if name in (self.item_column, ITEM):
                continue
            values = frame[name].str.strip_chars().replace("", None)
            if kind == "float_seq":
                vectors.append(name)
                continue
            if kind == "float":
                values = values.cast(pl.Float64, strict=False)
            elif values.cast(pl.Float64, strict=False).null_count() > values.null_count():  # not numeric codes
                texts.append(name)
            columns.append(values)
        if vectors:
            remarks.append(f"columns of vectors left out: {', '.join(vectors)}")
        texts.sort(key=lambda name: name not in _LIKELY_TITLES)
        title = texts[0] if texts and texts[0] in _LIKELY_TITLES else None
        return pl.DataFrame(columns), tuple(texts), title


class _Atomic:
    """A table whose column names have no types, and the types by name."""

    def __init__(self, table: SourceTable, types: dict[str, str]) -> None:
        self.table, self.types = table, types

    def require(self, column: str) -> None:
        if column not in self.types:
            raise DataError(
                f"{self.table.path} has no column {column!r}{did_you_mean(column, self.types) or ';'} "
                f"it has: {shown(self.types)}; name it with {parameter('user_column')}, {parameter('item_column')} or "
                f"{parameter('time_column')}"
            )


def _logs(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*") if ".inter" in file.suffixes and file.is_file())


def _typed(path: Path, progress: Progress) -> _Atomic:
    table = read_columns(path, (), ATOMIC, progress, others=True)
    types = {}
    for name in table.frame.columns:
        column, _, kind = name.rpartition(":")
        if not column or kind not in _TYPES:
            raise DataError(
                f"{path}, line 1: column {shown([name])!r} has no type; RecBole writes it behind a colon "
                f"({', '.join(_TYPES)}), as in user_id:token"
            )
        types[column] = kind
    frame = table.frame.rename({name: name.rpartition(":")[0] for name in table.frame.columns})
    return _Atomic(SourceTable(table.path, frame, table.rows), types)


def _numbers(table: SourceTable, column: str) -> pl.Series:
    """Return times as Int64 if they are whole, which keeps all digits, else as Float64."""
    texts = table.frame[column].str.strip_chars()
    whole = texts.str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)
    if not whole.null_count():
        return whole
    numbers = texts.cast(pl.Float64, strict=False)
    failed = (numbers.is_null() | ~numbers.is_finite() | (numbers.abs() > LARGEST)).fill_null(True).arg_true()
    if len(failed):
        raise DataError(
            f"{table.where(failed[0])}: column {column!r} is {table.frame[column][failed[0]]!r}; expected a number"
        )
    return numbers.cast(pl.Int64) if (numbers == numbers.floor()).all() else numbers
