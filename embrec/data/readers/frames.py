"""Tables that are in memory already: whatever a Python caller holds where a path would do."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from embrec.errors import DataError

# A Polars or pandas frame, an Arrow table (or whatever has its stream interface), a list of dictionaries, columns by name.
Frame = Any


def is_frame(value: object) -> bool:
    """Return whether a value is a table in memory, and not the path of one."""
    return not isinstance(value, str | bytes | Path | None)


def as_frame(value: Frame, what: str) -> pl.DataFrame:
    """Return a table in memory as a Polars frame.

    A pandas index is left out: what it holds must be a column (`frame.reset_index()`).

    Args:
        value: a Polars or pandas frame, an Arrow table, a sequence of dictionaries (one a row), or a dictionary of columns.
        what: the table is, as messages call it, such as "the interactions".

    Raises:
        DataError: it is nothing of these, or its columns do not make a table.
    """
    if isinstance(value, pl.DataFrame):
        return value
    if isinstance(value, pl.LazyFrame):
        return value.collect()
    rows = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    if rows and not all(isinstance(row, Mapping) for row in value):
        other = next(row for row in value if not isinstance(row, Mapping))
        raise DataError(f"{what}: a row is {other!r}; expected dictionaries, one a row, such as {{'item': 'a1'}}")
    if not (rows or isinstance(value, Mapping) or hasattr(value, "__arrow_c_stream__") or _is_pandas(value)):
        raise DataError(
            f"{what}: a value of type {type(value).__name__} is no table; give a path, a Polars or pandas frame, "
            "an Arrow table or a list of dictionaries"
        )
    try:
        if rows:
            return pl.from_dicts([dict(row) for row in value], infer_schema_length=None) if value else pl.DataFrame()
        return pl.from_pandas(value) if _is_pandas(value) else pl.DataFrame(value)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise DataError(f"{what}: not readable as a table ({str(error).splitlines()[0]})") from None


def _is_pandas(value: object) -> bool:
    return type(value).__module__.partition(".")[0] == "pandas" and type(value).__name__ == "DataFrame"
