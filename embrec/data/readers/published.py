"""What the readers of published data sets share: finding their files, their columns, their numbers and their times."""

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

# A number of seconds has ten digits in our days, one of milliseconds thirteen, and so on.
_UNITS = ((10**17, 10**9, "nanoseconds"), (10**14, 10**6, "microseconds"), (10**11, 10**3, "milliseconds"))
_PATH, _TABLE = parameter("path"), call("TableSource")  # as messages name them
_PACKED_NAMES = ("", ".gz", ".zip", ".bz2", ".zst", ".xz")


@dataclass(frozen=True)
class HeaderlessTable(SourceTable):
    """A table whose first line is a row."""

    def where(self, row: int) -> str:
        """Return the line of a row."""
        return f"{self.path}, line {self.rows[row] + 1}"


def file_named(folder: Path, name: str) -> Path | None:
    """Return a file of a folder by its name, packed or not; None if there is none."""
    return next((folder / (name + end) for end in _PACKED_NAMES if (folder / (name + end)).is_file()), None)


def require_folder(folder: Path, what: str) -> Path:
    """Return the path of an existing folder.

    Args:
        folder: its path.
        what: should be in it, as messages call it.

    Raises:
        DataError: there is no such folder, or it is a file.
    """
    if folder.is_file():
        raise DataError(f"{folder} is a file; unpack it, and give the unpacked folder of {what} as {_PATH}")
    if not folder.is_dir():
        raise DataError(f"no such folder: {folder}; give the unpacked folder of {what} as {_PATH}")
    return folder


def require_named(folder: Path, name: str, what: str) -> Path:
    """Return a file of a folder by its name, packed or not.

    Raises:
        DataError: there is no such folder, or no such file in it.
    """
    found = file_named(require_folder(folder, what), name)
    if found is None:
        raise DataError(f"{folder} has no {name}; give the unpacked folder of {what} as {_PATH}")
    return found


def header_of(path: Path, kind: str = CSV) -> list[str]:
    """Return the fields of a text file's first line, as few of it read as can be."""
    line = first_line(path)
    return next(csv.reader(io.StringIO(line), delimiter=separator_of(line.encode(), kind)), [])


def first_line(path: Path) -> str:
    """Return a text file's first line, as few of it read as can be."""
    first = next(read_blocks(path, block_bytes=1 << 16, tables=is_table), None)
    line = next((data for _, data in first.lines()), b"") if first is not None else b""
    return line.decode("utf-8", errors="replace").strip("\r\n")


def files_with(folder: Path, columns: Sequence[str]) -> list[Path]:
    """Return the CSV files of a folder, and of the folders in it, whose header names these columns."""
    files = sorted([*folder.glob("*"), *folder.glob("*/*")])
    texts = [file for file in files if file.is_file() and by_name(file.name.removesuffix(".zip")) == CSV]
    return [file for file in texts if set(columns) <= set(header_of(file))]


def the_only(files: Sequence[Path], folder: Path, what: str) -> Path:
    """Return the one file that was found.

    Raises:
        DataError: there is none, or several.
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
    """Return some columns of a table of text, each value as it stands.

    Args:
        path: of the file.
        columns: that it must have.
        kind: its format.
        progress: told how far reading is.
        others: keep its other columns as well.

    Raises:
        DataError: the file is damaged, or does not have a column.
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
    """Return some columns without holding the others in memory, as logs of gigabytes need; None where something hinders it."""
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
    r"""Return a table of lines with tabs between their fields, without a header and without quotation marks.

    Args:
        path: of the file.
        columns: names of the fields, in order; of the later ones a line may lack some.
        needed: as many of them every line must have.
        progress: told how far reading is.

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
    """Return a column of text as Int64.

    Raises:
        DataError: a value is no whole number.
    """
    texts = table.frame[column].str.strip_chars().str.strip_suffix(".0")
    numbers = texts.cast(pl.Int64, strict=False)
    failed = numbers.is_null().arg_true()
    if len(failed):
        raise DataError(f"{table.where(failed[0])}: {column} is {table.frame[column][failed[0]]!r}; expected {what}")
    return numbers


def time_columns(times: pl.Series, where: Callable[[int], str], remarks: list[str]) -> list[pl.Series]:
    """Return the columns `time` (seconds) and, where seconds do not say it all, `exact_time`; the size tells the unit.

    Args:
        times: since 1970, whole or decimal, without nulls.
        where: names the place of a row, such as "events.csv, line 7".
        remarks: told the unit if it is not seconds.

    Raises:
        DataError: the smallest time has another unit than the largest; the message names both.
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
    """Return the units in a second and the name of the unit, told by the size of a number."""
    return next(((per, unit) for least, per, unit in _UNITS if time >= least), (1, "seconds"))


def images_below(items: pl.DataFrame, folder: Path, notes: dict[str, int]) -> pl.DataFrame:
    """Return the items with a column `image`: the file named after the item, in a folder or the folders in it.

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
