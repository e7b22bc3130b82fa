"""Reading of files with several tables: Excel workbooks and SQLite databases; `file::name` selects one."""

import logging
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from embrec.data.readers.containers import MEMBER, packing, split_member
from embrec.data.readers.records import text_of
from embrec.errors import DataError, MissingExtraError
from embrec.names import did_you_mean, listed

_DIGITS = 2**53  # floats do not represent all whole numbers beyond this


def read_excel(path: Path) -> pl.DataFrame:
    """Return a sheet of a spreadsheet; its first row names the columns.

    Raises:
        MissingExtraError: the reader is not installed.
        DataError: the file is damaged, or several sheets could be meant.
    """
    try:
        import fastexcel
    except ImportError:
        raise MissingExtraError("fastexcel", "formats", f"reading the Excel file {path}") from None
    file, name = split_member(path)
    try:
        data = file.read_bytes()  # from bytes, the content determines the kind of workbook, not the name
        reader = fastexcel.read_excel(data)
        sheets = list(reader.sheet_names)
        if name is None and len(sheets) > 1:  # new workbooks often have further, empty sheets
            sheets = [
                sheet for sheet in sheets if reader.load_sheet(sheet, header_row=None, n_rows=1).total_height
            ] or sheets
        sheet = _one_of(file, "sheet", sheets, name)
        logging.getLogger("fastexcel").setLevel(logging.ERROR)  # it warns of empty columns
        frame = pl.read_excel(
            data,
            sheet_name=sheet,
            infer_schema_length=None,
            drop_empty_rows=False,
            drop_empty_cols=True,
            raise_if_empty=False,
        )
        return _without_false_digits(frame)
    except (
        fastexcel.FastExcelError,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        OSError,
        ValueError,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: not a readable Excel file ({reason}); save it again, or save it as CSV") from None


def _without_false_digits(frame: pl.DataFrame) -> pl.DataFrame:
    """Return long whole numbers as floats, which is how sheets store them: as integers they would seem exact."""
    long = [name for name, dtype in frame.schema.items() if dtype.is_integer() and (frame[name].abs() > _DIGITS).any()]
    return frame.with_columns(pl.col(long).cast(pl.Float64))


def read_sqlite(path: Path) -> pl.DataFrame:
    """Return a table or a view of an SQLite database, in the order of its rows.

    Raises:
        DataError: the file is damaged or packed, or several tables could be meant.
    """
    file, name = split_member(path)
    if packing(file):
        raise DataError(f"{file}: an SQLite database cannot be read from a packed file; unpack it first")
    try:
        # Read-only: a database in use elsewhere is neither locked nor changed.
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        try:
            found = connection.execute(
                "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
            ).fetchall()
            table = _one_of(file, "table", [row[0] for row in found], name)
            cursor = connection.execute('SELECT * FROM "{}"'.format(table.replace('"', '""')))
            names = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a readable SQLite database ({error}); copy it again") from None
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pl.DataFrame([_column(path, name, values) for name, values in zip(names, columns, strict=True)])


def _column(path: Path, name: str, values: Sequence[Any]) -> pl.Series:
    """Return a column as one type, since every row of an SQLite column can have its own."""
    types = {type(value) for value in values} - {type(None)}
    if bytes in types:
        raise DataError(f"{path}: column {name!r} holds bytes, which are not supported; leave it out")
    if types <= {int, float}:
        return pl.Series(name, values, dtype=pl.Float64 if float in types else pl.Int64 if types else pl.Null)
    return pl.Series(name, [None if value is None else text_of(value) for value in values], dtype=pl.String)


def _one_of(file: Path, what: str, names: Sequence[str], name: str | None) -> str:
    if name is not None:
        if name not in names:
            raise DataError(f"{file} has no {what} {name!r}{did_you_mean(name, names) or ';'} it has: {listed(names)}")
        return name
    if len(names) != 1:
        if not names:
            raise DataError(f"{file} has no {what}")
        raise DataError(
            f"{file} has {len(names)} {what}s ({listed(names)}); name one, such as {file}{MEMBER}{names[0]}"
        )
    return names[0]
