"""Tables in files: CSV, TSV, JSON lines (each plain or gzip) and Parquet, with the place of every row at hand."""

import csv
import io
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from embrec.data.readers.lines import Block, read_all
from embrec.data.readers.raw import require_file
from embrec.data.readers.records import json_record, records
from embrec.errors import DataError
from embrec.progress import Progress, silent

CSV, TSV, JSONL, PARQUET = "csv", "tsv", "jsonl", "parquet"
_FORMATS = {
    ".csv": CSV,
    ".tsv": TSV,
    ".jsonl": JSONL,
    ".ndjson": JSONL,
    ".json": JSONL,
    ".parquet": PARQUET,
    ".pq": PARQUET,
}
_SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class Table:
    """A table read from a file; `rows` are the places of the frame's rows in the file, from 0."""

    path: Path
    frame: pl.DataFrame
    rows: pl.Series

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the table start from."""
        return self.path.absolute().parent

    def where(self, row: int) -> str:
        """Return the place of a row of the frame in words: a line where the file has lines, else a row, from 1."""
        return f"{self.path}, {_place(self.path, self.rows[row])}"


def read_table(path: Path, text: Container[str], progress: Progress = silent) -> Table:
    """Read a table whose format its name tells.

    Args:
        path: ends in .csv, .tsv, .jsonl, .ndjson or .json (each also .gz) or .parquet.
        text: columns to be kept as text as they stand, such as ids with leading zeros.
        progress: told how far reading is.

    Raises:
        DataError: the file is missing, damaged or not what its name says.
    """
    kind = _format(require_file(path))
    if kind == PARQUET:
        frame = _read_parquet(path)
    else:
        data = read_all(path, progress)
        frame = _read_jsonl(path, data) if kind == JSONL else _typed(_read_csv(path, data, kind), text)
    _refuse_repeated_names(path, frame.columns)
    rows = pl.int_range(len(frame), dtype=pl.UInt32, eager=True)
    if frame.width and kind in (CSV, TSV):
        filled = frame.select(~pl.all_horizontal(pl.all().is_null()))[:, 0]
        if not filled.all():  # blank lines
            frame, rows = frame.filter(filled), rows.filter(filled)
    return Table(path, frame, rows)


def _refuse_repeated_names(path: Path, columns: Sequence[str]) -> None:
    """Raise if the header of a CSV file named a column twice: Polars gives the second one another name."""
    for name in columns:
        twice = name.rpartition("_duplicated_")[0]
        if twice and twice in columns:
            raise DataError(f"{path}: the header names the column {twice!r} more than once; rename or remove one")


def _format(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    kind = _FORMATS.get(suffixes[-1]) if suffixes else None
    if kind is None or (kind == PARQUET and path.suffix.lower() == ".gz"):
        raise DataError(
            f"{path}: cannot tell the format from the name; "
            "name it .csv, .tsv or .jsonl (each also with .gz behind it) or .parquet"
        )
    return kind


def _read_parquet(path: Path) -> pl.DataFrame:
    # Arrow's own reader reports a damaged file as an error; that of Polars can end the process.
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path).read()
        table.validate(full=True)
        list(table.column_names)  # raises where a name is not text, which Polars would not survive
        frame = pl.from_arrow(table.replace_schema_metadata(None))
    except (pyarrow.ArrowException, pl.exceptions.PolarsError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: not a readable Parquet file ({reason}); write or download it again") from None
    assert isinstance(frame, pl.DataFrame)
    return frame


def _read_jsonl(path: Path, data: bytes) -> pl.DataFrame:
    if not data.strip():
        raise DataError(f"{path}: the file is empty; it should have one JSON object a line")
    try:
        return pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)
    except pl.exceptions.PolarsError:
        rows = [record for _, record in records(Block(path, 1, data), json_record)]
        try:
            return pl.from_dicts(rows, infer_schema_length=None, strict=False)
        except (pl.exceptions.PolarsError, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"{path}: the types of a key differ too much between lines ({reason})") from None


def _separator(data: bytes, kind: str) -> str:
    header = data.split(b"\n", 1)[0].decode("utf-8", errors="replace")
    return "\t" if kind == TSV else max(_SEPARATORS, key=header.count)


def _read_csv(path: Path, data: bytes, kind: str) -> pl.DataFrame:
    if not data.strip():
        raise DataError(f"{path}: the file is empty; its first line should name the columns")
    separator = _separator(data, kind)
    try:
        return pl.read_csv(io.BytesIO(data), separator=separator, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise _csv_error(path, data, separator, str(error).splitlines()[0]) from None


def _csv_error(path: Path, data: bytes, separator: str, reason: str) -> DataError:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return DataError(f"{path}, line {line}: not UTF-8 text; convert the file to UTF-8")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header = next(reader)
    for row in reader:
        if len(row) > len(header):
            return DataError(
                f"{path}, line {reader.line_num}: {len(row)} fields where the header names {len(header)}; "
                "quote fields that contain the separator"
            )
    return DataError(f"{path}: not readable as a table ({reason})")


def _typed(frame: pl.DataFrame, text: Container[str]) -> pl.DataFrame:
    """Turn the columns of which every value is a number into numbers; the others stay text."""
    columns = []
    for column in frame.iter_columns():
        if column.name not in text and column.null_count() < len(column):
            for dtype in (pl.Int64, pl.Float64):
                numbers = column.str.strip_chars().cast(dtype, strict=False)
                if numbers.null_count() == column.null_count():
                    column = numbers
                    break
        columns.append(column)
    return pl.DataFrame(columns)


def _place(path: Path, row: int) -> str:
    kind = _format(path)
    if kind == PARQUET:
        return f"row {row + 1}"
    data = read_all(path)
    if kind == JSONL:
        numbers = (number for number, _ in Block(path, 1, data).lines())
        return f"line {next(islice(numbers, row, None))}"
    text = data.decode("utf-8", errors="replace")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(data, kind))
    before = 1
    for index, _ in enumerate(reader):
        if index == row + 1:
            break
        before = reader.line_num + 1
    return f"line {before}"
