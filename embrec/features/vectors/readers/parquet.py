"""Reader of Parquet files: a column of ids, and one list column of vectors or else all numeric columns."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.compute
import pyarrow.parquet
from numpy.typing import NDArray
from pyarrow import types

from embrec.errors import FeatureError
from embrec.features.vectors.choice import ID_NAMES, VECTOR_NAMES, choose
from embrec.features.vectors.file import VectorFile
from embrec.features.vectors.ids import series_ids
from embrec.features.vectors.mapped import copy_rows
from embrec.features.vectors.params import VectorsParams

_ROWS_AT_A_TIME = 1024
_PAGE_BUFFER = 1 << 20


def read(params: VectorsParams, scratch: Path | None) -> VectorFile:
    """Copy the vectors to a flat temporary file, batch by batch; see `open_vectors`."""
    path = params.path
    try:
        # Without these two settings Arrow reads a whole row group, which may be the whole file.
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=_PAGE_BUFFER) as file:
            if not file.metadata.num_rows:
                raise FeatureError(f"{path} has no rows; write the vectors into it")
            id_column, columns = _columns(path, file.schema_arrow, params)
            ids = series_ids(_column(file, id_column), path, id_column)
            rows = copy_rows(_blocks(file, path, columns), path, scratch)
            is_wide = _is_number(file.schema_arrow.field(columns[0]).type)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise FeatureError(f"{path} is no readable Parquet file ({reason}); write it again") from None
    return VectorFile(path, rows, ids, sources=(path,), columns=columns if is_wide else ())


def _columns(path: Path, schema: "pyarrow.Schema", params: VectorsParams) -> tuple[str, list[str]]:
    """Return the column of ids and the columns of the vectors: one column of lists, or several of numbers."""
    kinds = dict(zip(schema.names, schema.types, strict=True))
    asked = params.id_column
    usual = [name for name in ID_NAMES if name in kinds and not _is_list(kinds[name])]
    texts = [name for name, kind in kinds.items() if _is_text(kind)]
    there = list(kinds) if asked else list(dict.fromkeys([*usual, *texts]))
    id_column = choose(path, "column of item ids", there, asked, ID_NAMES, "id_column=")
    if id_column is None:
        raise FeatureError(f"{path} has no column of item ids; name one with id_column=: {', '.join(list(kinds)[:12])}")
    if params.key is not None and not _is_list(kinds.get(params.key)):
        choose(path, "column", list(kinds), params.key, (), "key=")
        raise FeatureError(f"{path}: column {params.key!r} holds {kinds[params.key]}; expected lists of numbers")
    lists = [name for name, kind in kinds.items() if _is_list(kind) and name != id_column]
    vectors = choose(path, "list column", lists, params.key, VECTOR_NAMES, "key=")
    if vectors is not None:
        return id_column, [vectors]
    numeric = [name for name, kind in kinds.items() if _is_number(kind) and name != id_column]
    if not numeric:
        raise FeatureError(
            f"{path} has no list column and no numeric columns besides {id_column!r}; there are no vectors"
        )
    return id_column, numeric


def _column(file: "pyarrow.parquet.ParquetFile", name: str) -> "pyarrow.ChunkedArray":
    batches = file.iter_batches(columns=[name], use_threads=False)
    return pyarrow.chunked_array([batch.column(name) for batch in batches])


def _blocks(file: "pyarrow.parquet.ParquetFile", path: Path, columns: list[str]) -> Iterator[NDArray[np.float32]]:
    first, dim = 0, None
    wide = _is_number(file.schema_arrow.field(columns[0]).type)
    for batch in file.iter_batches(batch_size=_ROWS_AT_A_TIME, columns=columns, use_threads=False):
        if wide:
            yield _stacked(batch, columns, path, first)
        else:
            block = _flattened(batch.column(0), dim, f"column {columns[0]!r}", path, first)
            dim = block.shape[1]
            yield block
        first += len(batch)


def _stacked(batch: "pyarrow.RecordBatch", columns: list[str], path: Path, first: int) -> NDArray[np.float32]:
    block = np.empty((len(batch), len(columns)), dtype=np.float32)
    for place, name in enumerate(columns):
        column = batch.column(name)
        if column.null_count:
            row = first + int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
            raise FeatureError(
                f"{path}, row {row + 1:,}: no number in column {name!r}; correct the row or leave it out"
            )
        with np.errstate(over="ignore"):
            block[:, place] = column.to_numpy(zero_copy_only=False)
    return block


def _flattened(column: "pyarrow.Array", dim: int | None, what: str, path: Path, first: int) -> NDArray[np.float32]:
    """Convert a column of lists to an array, [k, dim]; all lists must have the length `dim`, or that of the first if None."""
    lengths = pyarrow.compute.list_value_length(column).to_numpy(zero_copy_only=False)  # NaN where there is no list
    dim = (0 if np.isnan(lengths[0]) else int(lengths[0])) if dim is None else dim
    wrong = lengths != dim
    if wrong.any() or not dim:
        row = int(np.argmax(wrong))
        there = "no vector" if np.isnan(lengths[row]) or not lengths[row] else f"{int(lengths[row]):,} numbers"
        expected = f"expected {dim:,} as in row 1" if dim else "expected a list of numbers"
        raise FeatureError(f"{path}, row {first + row + 1:,}: {there} in {what}; {expected}")
    values = column.flatten()
    if values.null_count:
        row = first + int(np.argmax(values.is_null().to_numpy(zero_copy_only=False))) // dim
        raise FeatureError(f"{path}, row {row + 1:,}: a number is missing in {what}; correct the row or leave it out")
    with np.errstate(over="ignore"):
        return values.to_numpy(zero_copy_only=False).astype(np.float32, copy=False).reshape(-1, dim)


def _is_text(kind: "pyarrow.DataType") -> bool:
    kind = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_number(kind: "pyarrow.DataType") -> bool:
    return bool(types.is_floating(kind) or types.is_integer(kind))


def _is_list(kind: "pyarrow.DataType | None") -> bool:
    if kind is None or not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        return False
    return _is_number(kind.value_type)
