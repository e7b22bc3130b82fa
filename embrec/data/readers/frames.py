"""Tables in memory: data frames, Arrow tables, lists of dictionaries, or columns by name, in place of a path."""

import hashlib
import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl

from embrec.data.readers.columnar import without_extensions
from embrec.data.readers.records import text_of
from embrec.data.readers.tabular import SourceTable, read_table
from embrec.errors import DataError
from embrec.progress import Progress, silent

_NESTED = (Mapping, list, tuple)
_WIDE = (pl.Decimal, pl.Int128, pl.UInt128)  # numbers that NumPy does not have

_PLAIN = {str, bool, int, float, dict, list}

# A Polars or pandas frame, an Arrow table (or any object with its stream interface), a list of dictionaries, columns by name.
Frame = Any


def is_frame(value: object) -> bool:
    """Return True if a value is a table in memory, False for a path."""
    return not isinstance(value, str | bytes | Path | None)


@dataclass(frozen=True)
class MemoryTable(SourceTable):
    """A table in memory; `path` is its name in messages, such as "the interactions"."""

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the table refer to."""
        return Path.cwd()

    def where(self, row: int) -> str:
        """Return the position of a row for a message, counted from 1."""
        return f"{self.path}, row {row + 1}"


def open_table(value: Path | str | Frame, what: str, text: Container[str], progress: Progress = silent) -> SourceTable:
    """Return the table of a file, or a table in memory.

    Args:
        value: path of a file, or table in memory.
        what: name of a table in memory, for messages.
        text: columns of a file to keep as unchanged text, such as ids with leading zeros.
        progress: callback for the progress of reading.

    Raises:
        DataError: the file or the table cannot be read.
    """
    if isinstance(value, str | Path):
        return read_table(Path(value), text, progress)
    frame = as_frame(value, what)
    return MemoryTable(Path(what), frame, pl.int_range(len(frame), eager=True))


def content_fingerprint(frame: pl.DataFrame) -> str:
    """Return a hash of a table's columns, types and values: equal tables have equal fingerprints."""
    digest = hashlib.blake2b(digest_size=16)
    for values in frame.rechunk().iter_columns():
        digest.update(f"{values.name}\0{values.dtype}\0{len(values)}\0".encode())
        digest.update(np.packbits(values.is_null().to_numpy()).tobytes())
        if values.dtype in (pl.Object, pl.Binary) or values.dtype.is_nested():
            digest.update(json.dumps(values.to_list(), default=repr).encode())
        elif values.dtype.is_temporal() or (values.dtype.is_numeric() and values.dtype not in _WIDE):
            digest.update(values.to_physical().fill_null(0).to_numpy().tobytes())
        else:
            texts = values.cast(pl.String).fill_null("")
            digest.update(texts.str.len_bytes().to_numpy().tobytes())
            digest.update(texts.str.join("")[0].encode())
    return digest.hexdigest()


def as_frame(value: Frame, what: str) -> pl.DataFrame:
    """Return a table in memory as a Polars frame.

    The index of a pandas frame is ignored; make it a column with `frame.reset_index()`.

    Args:
        value: Polars or pandas frame, Arrow table, sequence of dictionaries (one per row), or dictionary of columns.
        what: name of the table in messages, such as "the interactions".

    Raises:
        DataError: the value has another type, or its columns do not form a table.
    """
    if isinstance(value, pl.DataFrame):
        return _plain(value)
    if isinstance(value, pl.LazyFrame):
        return _plain(value.collect())
    rows = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if rows and not all(isinstance(row, Mapping) for row in value):
        other = next(row for row in value if not isinstance(row, Mapping))
        raise DataError(f"{what}: a row is {other!r}; expected dictionaries, one per row, such as {{'item': 'a1'}}")
    if not (rows or isinstance(value, Mapping) or hasattr(value, "__arrow_c_stream__") or _is_pandas(value)):
        raise DataError(
            f"{what}: a value of type {type(value).__name__} is not a table; give a path, a Polars or pandas frame, "
            "an Arrow table or a list of dictionaries"
        )
    try:
        if rows:
            return _plain(_from_rows(_alike(value))) if value else pl.DataFrame()
        if _is_pandas(value):
            return _from_pandas(value)
        if type(value).__module__.partition(".")[0] == "pyarrow" and hasattr(value, "set_column"):
            value = without_extensions(value)
        return _plain(pl.DataFrame(value))
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise DataError(f"{what}: not readable as a table ({str(error).splitlines()[0]})") from None


def _from_rows(rows: list[dict[Any, Any]]) -> pl.DataFrame:
    """Return rows as a table; keys with values of several types become text columns."""
    try:
        return pl.from_dicts(rows, infer_schema_length=None)
    except (pl.exceptions.PolarsError, TypeError, ValueError):
        types: dict[Any, set[type]] = {}
        for row in rows:
            for key, value in row.items():
                if value is not None:
                    types.setdefault(key, set()).add(type(value))
        mixed = {key for key, found in types.items() if len(found) > 1 and found <= _PLAIN}
        if not mixed:
            raise
        texts = [
            {key: text_of(value) if key in mixed and value is not None else value for key, value in row.items()}
            for row in rows
        ]
        return pl.from_dicts(texts, infer_schema_length=None)


def _from_pandas(frame: Any) -> pl.DataFrame:
    """Return a pandas frame: UUIDs and columns of several types become text, periods the time of their start."""
    if not frame.columns.is_unique:
        return pl.from_pandas(frame)  # raises
    for name, dtype in zip(frame.columns, frame.dtypes, strict=True):
        if type(dtype).__name__ == "PeriodDtype":
            frame = frame.assign(**{name: frame[name].dt.to_timestamp()})
    uuids = [name for name, dtype in _objects(frame) if _types(frame[name].dropna().head(1)) == {UUID}]
    frame = frame.assign(**{name: frame[name].map(str, na_action="ignore") for name in uuids})
    try:
        return _plain(pl.from_pandas(frame))
    except (pl.exceptions.PolarsError, TypeError, ValueError):
        mixed = [name for name, _ in _objects(frame) if _is_mixed(_types(frame[name]))]
        if not mixed:
            raise
        texts = {name: frame[name].map(text_of, na_action="ignore") for name in mixed}
        return _plain(pl.from_pandas(frame.assign(**texts)))


def _objects(frame: Any) -> list[tuple[Any, Any]]:
    return [(name, dtype) for name, dtype in frame.dtypes.items() if dtype.kind == "O"]


def _types(column: Any) -> set[type]:
    return {type(value) for value in column.dropna()}


def _is_mixed(types: set[type]) -> bool:
    return len(types) > 1 and types <= _PLAIN - {dict, list}


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table without extension types: UUIDs as text, others as their storage type."""
    columns = []
    for values in frame.iter_columns():
        if values.dtype == pl.Object and isinstance(next((v for v in values if v is not None), None), UUID):
            texts = [None if value is None else str(value) for value in values]
            columns.append(pl.Series(values.name, texts, dtype=pl.String))
        elif type(values.dtype).__name__ == "Extension":
            columns.append(values.ext.storage())
    return frame.with_columns(columns)


def _alike(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows in which nested values of a column with other values too are replaced by their JSON text."""
    nested: dict[str, bool] = {}
    mixed = {
        name
        for row in rows
        for name, value in row.items()
        if value is not None and nested.setdefault(name, isinstance(value, _NESTED)) != isinstance(value, _NESTED)
    }
    if not mixed:
        return [dict(row) for row in rows]
    return [
        {
            name: json.dumps(value, default=str) if name in mixed and isinstance(value, _NESTED) else value
            for name, value in row.items()
        }
        for row in rows
    ]


def _is_pandas(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "pandas" and type(value).__name__ == "DataFrame"
