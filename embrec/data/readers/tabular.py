"""Tables in one or several files of any supported format, with the position of every row for error messages."""

from bisect import bisect_right
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from embrec.data.readers.columnar import read_columnar
from embrec.data.readers.delimited import line_of, read_delimited, shown, typed
from embrec.data.readers.folders import base_folder, folder_values, table_files
from embrec.data.readers.formats import ARROW, EXCEL, JSON, PARQUET, SQLITE, is_table, table_format
from embrec.data.readers.json_tables import place_of, read_json
from embrec.data.readers.lines import read_all
from embrec.data.readers.workbooks import read_excel, read_sqlite
from embrec.errors import DataError
from embrec.progress import Progress, silent


@dataclass(frozen=True)
class TablePart:
    """A file with a part of a table; `first` is the index of its first row in the whole table."""

    path: Path
    first: int


@dataclass(frozen=True)
class SourceTable:
    """A table read from one or several files.

    Attributes:
        path: given path: a file, a folder or a pattern.
        frame: rows of the table.
        rows: index of each row in its file, from 0.
        parts: files in order; empty if `path` is the only one.
    """

    path: Path
    frame: pl.DataFrame
    rows: pl.Series
    parts: tuple[TablePart, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the table refer to."""
        return base_folder(self.path)

    def where(self, row: int) -> str:
        """Return the position of a row of the frame for a message: its line in text files, else its row, from 1."""
        path = self.path
        if self.parts:
            path = self.parts[bisect_right([part.first for part in self.parts], row) - 1].path
        return f"{path}, {_place(path, self.rows[row])}"

    def require_plain(self, columns: Sequence[str]) -> None:
        """Raise if a column has lists or objects instead of one value per row.

        Raises:
            DataError: a column has such a type; the message has its name, type and position.
        """
        for column in columns:
            dtype = self.frame[column].dtype
            if isinstance(dtype, pl.List | pl.Array | pl.Struct):
                what = "objects with several values" if isinstance(dtype, pl.Struct) else "lists"
                raise DataError(
                    f"{self.where(0)}: column {column!r} holds {what} ({dtype}); it needs one value per row"
                )


def read_table(path: Path, text: Container[str], progress: Progress = silent) -> SourceTable:
    """Read a table from files of a format given by the name.

    Args:
        path: file (with a suffix of `formats.BY_SUFFIX`, plain or packed), `file::name` for one table of several, or folder or
            pattern of files that are parts of one table, read in the order of their names.
        text: columns to keep as unchanged text, such as ids with leading zeros.
        progress: callback for the progress of reading.

    Raises:
        DataError: a file is missing, damaged or of another format than its name says, or the parts have different columns.
        MissingExtraError: the format needs a library that is not installed.
    """
    files = _with_content(table_files(path))
    pieces = [_read_part(file, progress) for file in files]
    if len(pieces) == 1 and files[0] == path:
        frame, rows = pieces[0]
        return SourceTable(path, typed(frame, text) if _all_text(path) else frame, rows)
    base = base_folder(path)
    frames = [_with_folder_values(frame, file, base) for file, (frame, _) in zip(files, pieces, strict=True)]
    if table_format(files[0]) == JSON:  # JSON rows may lack keys without a value
        frames = _with_all_keys(frames)
    _require_same_columns(path, files, frames)
    frame = _joined(path, files, frames)
    first, parts = 0, []
    for file, piece in zip(files, frames, strict=True):
        parts.append(TablePart(file, first))
        first += len(piece)
    rows = pl.concat([rows for _, rows in pieces])
    return SourceTable(path, typed(frame, text) if _all_text(files[0]) else frame, rows, tuple(parts))


def _read_part(path: Path, progress: Progress) -> tuple[pl.DataFrame, pl.Series]:
    """Return the table of a file and the indices of its rows; of formats without types, all columns as text."""
    kind = table_format(path)
    if kind in (PARQUET, ARROW):
        frame = read_columnar(path, kind)
    elif kind == EXCEL:
        frame = read_excel(path)
    elif kind == SQLITE:
        frame = read_sqlite(path)
    else:
        data = read_all(path, progress, is_table)
        frame = read_json(path, data) if kind == JSON else read_delimited(path, data, kind)
    _refuse_repeated_names(path, frame.columns)
    rows = pl.int_range(len(frame), dtype=pl.UInt32, eager=True)
    if frame.width and kind not in (PARQUET, ARROW, JSON, SQLITE):
        filled = frame.select(~pl.all_horizontal(pl.all().is_null()))[:, 0]
        if not filled.all():  # blank lines
            frame, rows = frame.filter(filled), rows.filter(filled)
    return frame, rows


def _refuse_repeated_names(path: Path, columns: Sequence[str]) -> None:
    """Raise if the header has a column twice, which Polars renames."""
    for name in columns:
        twice = name.rpartition("_duplicated_")[0]
        if twice and twice in columns:
            raise DataError(f"{path}: the header names the column {twice!r} more than once; rename or remove one")


def _all_text(path: Path) -> bool:
    return table_format(path) not in (PARQUET, ARROW, JSON, SQLITE, EXCEL)


def _with_folder_values(frame: pl.DataFrame, file: Path, base: Path) -> pl.DataFrame:
    values = folder_values(file, base)
    return frame.with_columns(
        pl.lit(value, dtype=pl.String).alias(name) for name, value in values.items() if name not in frame.columns
    )


def _with_content(files: list[Path]) -> list[Path]:
    """Return the non-empty files, since Spark writes empty parts; all files if all are empty or there is only one."""
    return [file for file in files if len(files) == 1 or file.stat().st_size] or files


def _with_all_keys(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    names = dict.fromkeys(name for frame in frames for name in frame.columns)
    return [
        frame.with_columns(pl.lit(None).alias(name) for name in names if name not in frame.columns) for frame in frames
    ]


def _require_same_columns(path: Path, files: Sequence[Path], frames: Sequence[pl.DataFrame]) -> None:
    expected = frames[0].columns
    for file, frame in zip(files, frames, strict=True):
        if set(frame.columns) != set(expected):
            raise DataError(
                f"{path}: {file} has other columns ({shown(frame.columns)}) than {files[0]} ({shown(expected)}); "
                "give a pattern that fits the parts of one table only"
            )


def _joined(path: Path, files: Sequence[Path], frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Concatenate the parts; a column of integers in one part and floats in another becomes floats."""
    columns = frames[0].columns
    for file, frame in zip(files, frames, strict=True):
        for name in columns:
            first, other = (
                next((f[name].dtype for f in part if f[name].dtype != pl.Null), None) for part in (frames, [frame])
            )
            if first is not None and other is not None and (first == pl.String) != (other == pl.String):
                raise DataError(
                    f"{path}: column {name!r} is {other} in {file} and {first} in another part; "
                    "write all parts with the same types"
                )
    try:
        return pl.concat([frame.select(columns) for frame in frames], how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path}: the parts have columns of different types ({str(error).splitlines()[0]})") from None


def _place(path: Path, row: int) -> str:
    kind = table_format(path)
    if kind == EXCEL:
        return f"row {row + 2}"  # as shown by spreadsheet programs: the header is row 1
    if kind in (PARQUET, ARROW, SQLITE):
        return f"row {row + 1}"
    data = read_all(path, tables=is_table)
    return place_of(path, data, row) if kind == JSON else f"line {line_of(data, kind, row)}"
