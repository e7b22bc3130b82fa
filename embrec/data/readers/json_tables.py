"""Tables in JSON: one object per line, or one list of objects."""

import io
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from embrec.data.readers.lines import Block
from embrec.data.readers.records import json_record, records
from embrec.errors import DataError


def read_json(path: Path, data: bytes) -> pl.DataFrame:
    """Return a table whose rows are JSON objects, one per line or in one list.

    Args:
        path: path for messages.
        data: content of the file, in UTF-8.

    Raises:
        DataError: the file is empty, or an entry is not an object.
    """
    if not data.strip():
        raise DataError(f"{path}: the file is empty; it should have one JSON object per line")
    listed = is_list(data)
    read: Callable[[io.BytesIO], pl.DataFrame] = (
        (lambda stream: pl.read_json(stream, infer_schema_length=None))
        if listed
        else (lambda stream: pl.read_ndjson(stream, infer_schema_length=None))
    )
    try:
        frame = read(io.BytesIO(data))
        if not frame.width:
            raise DataError(f"{path}: the list is empty; it should have one object per row")
        return frame
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        rows = _entries(path, data) if listed else [record for _, record in records(Block(path, 1, data), json_record)]
        try:
            return pl.from_dicts(rows, infer_schema_length=None, strict=False)
        except (pl.exceptions.PolarsError, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise DataError(f"{path}: the types of a key differ too much between lines ({reason})") from None


def place_of(path: Path, data: bytes, row: int) -> str:
    """Return the position of a row for a message: "line 7" or, in a list, "entry 7"."""
    if is_list(data):
        return f"entry {row + 1}"
    numbers = (number for number, _ in Block(path, 1, data).lines())
    return f"line {next(islice(numbers, row, None))}"


def is_list(data: bytes) -> bool:
    """Return True if a JSON text is one list, False for one object per line."""
    return data[:4096].lstrip()[:1] == b"["


def _entries(path: Path, data: bytes) -> list[dict[str, Any]]:
    try:
        entries = json.loads(data)
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text; convert the file to UTF-8") from None
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {error.lineno}: not valid JSON ({error.msg}); fix the file") from None
    except RecursionError:
        raise DataError(f"{path}: lists in lists too deep to be a table; it should be one list of objects") from None
    for place, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict):
            raise DataError(f"{path}, entry {place}: not a JSON object; the list should have one object per row")
    return list(entries)
