"""Delimited text tables: CSV, TSV and RecBole's atomic files."""

import csv
import io
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import polars as pl

from embrec.data.readers.formats import ATOMIC, CSV
from embrec.errors import DataError
from embrec.names import listed

_SEPARATORS = ",;\t|"
_SHOWN, _COLUMNS_SHOWN = 40, 30


def read_delimited(path: Path, data: bytes, kind: str) -> pl.DataFrame:
    """Return a table with all fields as text; blank lines become rows of nulls.

    Args:
        path: path for messages.
        data: content of the file, in UTF-8.
        kind: CSV (separator detected in the header), TSV, or ATOMIC (RecBole's TSV without quoting).

    Raises:
        DataError: the file is empty, or a line cannot be read.
    """
    if not data.strip():
        raise DataError(f"{path}: the file is empty; its first line should name the columns")
    if b"\x00" in data[:4096]:
        raise DataError(f"{path}: not UTF-8 text (it has zero bytes, as in UTF-16); save it as UTF-8")
    separator = separator_of(data, kind)
    try:
        return pl.read_csv(
            io.BytesIO(data), separator=separator, infer_schema=False, quote_char=None if kind == ATOMIC else '"'
        )
    except pl.exceptions.PolarsError as error:
        raise _error(path, data, kind, str(error).splitlines()[0]) from None


def typed(frame: pl.DataFrame, text: Container[str]) -> pl.DataFrame:
    """Convert text columns in which every value is a number, except those named in `text`.

    Codes stay text: columns of whole numbers of which some begin with a zero.
    """
    columns = []
    for column in frame.iter_columns():
        if column.name not in text and column.dtype == pl.String and column.null_count() < len(column):
            for dtype in (pl.Int64, pl.Float64):
                numbers = column.str.strip_chars().cast(dtype, strict=False)
                if numbers.null_count() == column.null_count():
                    column = column if _are_codes(column) else numbers
                    break
        columns.append(column)
    return pl.DataFrame(columns)


def _are_codes(numbers: pl.Series) -> bool:
    zero = numbers.filter(numbers.str.starts_with("0") | numbers.str.starts_with(" "))
    return bool(zero.str.contains(r"^\s*0\d+\s*$").any())


def line_of(data: bytes, kind: str, row: int) -> int:
    """Return the line, from 1, on which a row begins; rows count from 0 after the header."""
    reader = _rows(data.decode("utf-8", errors="replace"), data, kind)
    before = 1
    for index, _ in enumerate(reader):
        if index == row + 1:
            break
        before = reader.line_num + 1
    return before


def separator_of(data: bytes, kind: str) -> str:
    """Return the separator of fields; for CSV, the most frequent candidate in the header."""
    header = data.split(b"\n", 1)[0].decode("utf-8", errors="replace")
    return max(_SEPARATORS, key=header.count) if kind == CSV else "\t"


def shown(columns: Iterable[str]) -> str:
    """Return the names of columns for a message, on one line and shortened, since a broken header can be long."""
    names = (" ".join(name.split()) for name in columns)
    return listed([name if len(name) <= _SHOWN else name[:_SHOWN] + "..." for name in names], _COLUMNS_SHOWN)


def _rows(text: str, data: bytes, kind: str) -> Any:
    lines, separator = io.StringIO(text, newline=""), separator_of(data, kind)
    if kind == ATOMIC:
        return csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=separator)


def _error(path: Path, data: bytes, kind: str, reason: str) -> DataError:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return DataError(f"{path}, line {line}: not UTF-8 text; convert the file to UTF-8")
    reader = _rows(text, data, kind)
    header = next(reader)
    for row in reader:
        if len(row) > len(header):
            return DataError(
                f"{path}, line {reader.line_num}: {len(row)} fields where the header names {len(header)}; "
                "quote fields that contain the separator"
            )
    return DataError(f"{path}: not readable as a table ({reason})")
