"""Reading of Parquet and Arrow files as tables."""

from pathlib import Path
from typing import Any

import polars as pl

from embrec.data.readers.containers import packing
from embrec.data.readers.formats import PARQUET, is_table
from embrec.data.readers.lines import read_bytes
from embrec.errors import DataError


def read_columnar(path: Path, kind: str) -> pl.DataFrame:
    """Return a table in Parquet or Arrow (Feather) format, packed or not.

    Raises:
        DataError: the file is damaged, or cannot be converted to a table.
    """
    # Arrow's own readers raise for damaged files; those of Polars can abort the process.
    import pyarrow
    import pyarrow.parquet

    source = pyarrow.BufferReader(read_bytes(path, is_table)) if packing(path) else pyarrow.OSFile(str(path))
    try:
        with source:
            table = pyarrow.parquet.ParquetFile(source).read() if kind == PARQUET else _arrow(source)
        table.validate(full=True)
        list(table.column_names)  # raises if a name is not text, which would crash Polars
        frame = pl.from_arrow(without_extensions(table).replace_schema_metadata(None))
    except (
        pyarrow.ArrowException,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        OSError,
        TypeError,
        ValueError,
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: not a readable {kind} file ({reason}); write or download it again") from None
    assert isinstance(frame, pl.DataFrame)
    return frame


def without_extensions(table: Any) -> Any:
    """Return an Arrow table without extension types: UUIDs as text, others as their storage type."""
    import pyarrow

    for place, field in enumerate(table.schema):
        if isinstance(field.type, pyarrow.BaseExtensionType):
            values = table.column(place)
            if getattr(field.type, "extension_name", "") == "arrow.uuid":
                plain = pyarrow.array(
                    [None if one is None else str(one) for one in values.to_pylist()], pyarrow.string()
                )
            else:
                plain = pyarrow.chunked_array([chunk.storage for chunk in values.chunks], field.type.storage_type)
            table = table.set_column(place, field.name, plain)
    return table


def _arrow(source: Any) -> Any:
    import pyarrow
    import pyarrow.feather

    start = source.read(6)
    source.seek(0)
    if start == b"ARROW1":
        return pyarrow.ipc.open_file(source).read_all()
    if start[:4] == b"FEA1":
        return pyarrow.feather.read_table(source)
    return pyarrow.ipc.open_stream(source).read_all()
