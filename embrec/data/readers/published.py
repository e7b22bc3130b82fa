"""Shared functions of the readers of published data sets: files, columns, numbers, times and images."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from embrec.data.catalog import IMAGE
from embrec.data.readers.containers import packing
from embrec.data.readers.delimited import read_delimited, separator_of, shown
from embrec.data.readers.formats import CSV, by_name, is_table
from embrec.data.readers.images import SUFFIXES
from embrec.data.readers.lines import read_all, read_blocks
from embrec.data.readers.raw import EXACT, ITEM, TIME
from embrec.data.readers.tabular import SourceTable
from embrec.errors import DataError
from embrec.names import listed
from embrec.parameters import call, parameter
from embrec.progress import Progress, silent

# Present times have ten digits in seconds, thirteen in milliseconds, and so on.
_UNITS = ((10**17, 10**9, "nanoseconds"), (10**14, 10**6, "microseconds"), (10**11, 10**3, "milliseconds"))
_PATH, _TABLE = parameter("path"), call("TableSource")  # as messages name them
_PACKED_NAMES = ("", ".gz", ".zip", ".bz2", ".zst", ".xz")


@dataclass(frozen=True)
class HeaderlessTable(SourceTable):
    """A table without a header line."""

    def where(self, row: int) -> str:
        """Return the line of a row."""
        return f"{self.path}, line {self.rows[row] + 1}"


def file_named(folder: Path, name: str) -> Path | None:
    """Return the file of a folder with a name, packed or not; None if it does not exist."""
    return next((folder / (name + end) for end in _PACKED_NAMES if (folder / (name + end)).is_file()), None)


def require_folder(folder: Path, what: str) -> Path:
    """Return the path of an existing folder.

    Args:
        folder: path of the folder.
        what: name of the expected data, for the message.

    Raises:
        DataError: the folder does not exist, or is a file.
    """
    if folder.is_file():
        raise DataError(f"{folder} is a file; unpack it, and give the unpacked folder of {what} as {_PATH}")
    if not folder.is_dir():
        raise DataError(f"no such folder: {folder}; give the unpacked folder of {what} as {_PATH}")
    return folder


def require_named(folder: Path, name: str, what: str) -> Path:
    """Return the file of a folder with a name, packed or not.

    Raises:
        DataError: the folder or the file does not exist.
    """
    found = file_named(require_folder(folder, what), name)
    if found is None:
        raise DataError(f"{folder} has no {name}; give the unpacked folder of {what} as {_PATH}")
    return found


def header_of(path: Path, kind: str = CSV) -> list[str]:
    """Return the fields of the first line of a text file; only its beginning is read."""
    line = first_line(path)
    return next(csv.reader(io.StringIO(line), delimiter=separator_of(line.encode(), kind)), [])


def first_line(path: Path) -> str:
    """Return the first line of a text file; only its beginning is read."""
    first = next(read_blocks(path, block_bytes=1 << 16, tables=is_table), None)
    line = next((data for _, data in first.lines()), b"") if first is not None else b""
    return line.decode("utf-8", errors="replace").strip("\r\n")


def files_with(folder: Path, columns: Sequence[str]) -> list[Path]:
    """Return the CSV files of a folder and its direct subfolders whose header has the columns."""
    files = sorted([*folder.glob("*"), *folder.glob("*/*")])
    texts = [file for file in files if file.is_file() and by_name(file.name.removesuffix(".zip")) == CSV]
    return [file for file in texts if set(columns) <= set(header_of(file))]


def the_only(files: Sequence[Path], folder: Path, what: str) -> Path:
    """Return the only file of a list.

    Args:
        files: files found.
        folder: searched folder, for the message.
        what: description of the wanted file, for the message.

    Raises:
        DataError: the list is empty or has several files.
    """
    if not files:
        raise DataError(f"{folder} has no {what}; for data of another layout use {_TABLE}")
    if len(files) > 1:
        names = listed(str(file.relative_to(folder)) for file in files)
        raise DataError(
            f"{folder} has {len(files)} files that could be the {what} ({names}); give one of them as {_PATH}"
        )
    return files[0]


def read_columns(
    path: Path, columns: Sequence[str], kind: str = CSV, progress: Progress = silent, *, others: bool = False
) -> SourceTable:
    """Return some columns of a delimited table as unchanged text.

    Args:
        path: path of the file.
        columns: required columns.
        kind: format of the file.
        progress: callback for the progress of reading.
        others: True to keep the other columns as well.

    Raises:
        DataError: the file is damaged, or lacks a column.
    """
    frame = None if others else _only(path, columns, kind)
    if frame is None:
        frame = read_delimited(path, read_all(path, progress, is_table), kind)
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}; it has: {shown(frame.columns)}; see {_TABLE}")
    rows = pl.int_range(len(frame), dtype=pl.UInt32, eager=True)
    filled = frame.select(~pl.all_horizontal(pl.all().is_null()))[:, 0]
    return SourceTable(path, (frame if others else frame.select(columns)).filter(filled), rows.filter(filled))


def _only(path: Path, columns: Sequence[str], kind: str) -> pl.DataFrame | None:
    """Return some columns without loading the others, for logs of gigabytes; None if the file does not allow it."""
    if packing(path):
        return None
    with path.open("rb") as stream:
        header = stream.readline(1 << 16)
    if b"\x00" in header:  # UTF-16
        return None
    try:
        return pl.read_csv(path, columns=list(columns), separator=separator_of(header, kind), infer_schema=False)
    except pl.exceptions.PolarsError:
        return None


def read_headerless(path: Path, columns: Sequence[str], needed: int, progress: Progress = silent) -> SourceTable:
    """Return a table of tab-separated lines without header and quoting.

    Args:
        path: path of the file.
        columns: names of the fields, in order.
        needed: minimum number of fields of a line.
        progress: callback for the progress of reading.

    Raises:
        DataError: the file is damaged or empty, or a line has too few or too many fields.
    """
    data = read_all(path, progress, is_table)
    if not data.strip():
        raise DataError(f"{path}: the file is empty")
    lines = pl.Series(data.decode("utf-8", errors="replace").split("\n")).str.strip_chars_end("\r")
    kept = lines.str.strip_chars() != ""
    fields = lines.filter(kept).str.split("\t")
    rows = pl.int_range(len(lines), dtype=pl.UInt32, eager=True).filter(kept)
    counts = fields.list.len()
    wrong = ((counts < needed) | (counts > len(columns))).arg_true()
    if len(wrong):
        raise DataError(
            f"{path}, line {rows[wrong[0]] + 1}: {counts[wrong[0]]} fields between tabs; expected {len(columns)}: "
            f"{', '.join(columns)}"
        )
    frame = pl.DataFrame({name: fields.list.get(place, null_on_oob=True) for place, name in enumerate(columns)})
    return HeaderlessTable(path, frame, rows)


def whole_numbers(table: SourceTable, column: str, what: str) -> pl.Series:
    """Return a text column as Int64.

    Args:
        table: table with the column.
        column: name of the column.
        what: description of valid values, for the message.

    Raises:
        DataError: a value is not a whole number.
    """
    texts = table.frame[column].str.strip_chars().str.strip_suffix(".0")
    numbers = texts.cast(pl.Int64, strict=False)
    failed = numbers.is_null().arg_true()
    if len(failed):
        raise DataError(f"{table.where(failed[0])}: {column} is {table.frame[column][failed[0]]!r}; expected {what}")
    return numbers


def time_columns(times: pl.Series, where: Callable[[int], str], remarks: list[str]) -> list[pl.Series]:
    """Return the columns `time` in seconds and, if times are more precise, `exact_time`.

    Args:
        times: times since 1970, whole or decimal, without nulls; their size determines the unit.
        where: function from a row to its position, such as "events.csv, line 7".
        remarks: list that receives a remark about the unit if it is not seconds.

    Raises:
        DataError: the smallest and the largest time have different units.
    """
    lowest, highest = times.arg_min(), times.arg_max()
    if lowest is None or highest is None:
        return [times.cast(pl.Int64).alias(TIME)]
    per, unit = _unit_of(times[lowest])
    other = _unit_of(times[highest])[1]
    if other != unit:
        raise DataError(
            f"{where(lowest)} has the time {times[lowest]}, in {unit}, and {where(highest)} has {times[highest]}, in {other}: "
            f"the units of time seem to be mixed, or times to be missing; fix them, or read the table with {_TABLE} "
            f"and {parameter('time_unit')}"
        )
    if per > 1:
        remarks.append(f"the times are {unit}")
    seconds = (times // per).cast(pl.Int64)
    exact = (seconds * per == times).all()
    return [seconds.alias(TIME), *([] if exact else [times.alias(EXACT)])]


def _unit_of(time: float) -> tuple[int, str]:
    """Return the number of units per second and the name of the unit, by the size of a time."""
    return next(((per, unit) for least, per, unit in _UNITS if time >= least), (1, "seconds"))


def images_below(items: pl.DataFrame, folder: Path, notes: dict[str, int]) -> pl.DataFrame:
    """Return the items with a column `image`: the file named after the item, in a folder or its direct subfolders.

    Raises:
        DataError: the folder has no image of any item.
    """
    files = [file for file in sorted([*folder.glob("*"), *folder.glob("*/*")]) if file.suffix.lower() in SUFFIXES]
    found = pl.DataFrame(
        {ITEM: [file.stem for file in files], IMAGE: [str(file.absolute()) for file in files]},
        schema={ITEM: pl.String, IMAGE: pl.String},
    ).unique(ITEM, keep="first", maintain_order=True)
    joined = items.join(found, on=ITEM, how="left", maintain_order="left")
    without = joined[IMAGE].null_count()
    if without == len(joined) and without:
        raise DataError(f"{folder} has no image that is named after an item, such as {items[ITEM][0]}.jpg")
    notes["items without an image"] = without
    return joined
