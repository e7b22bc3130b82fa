"""Item ids of vectors from a second file: text, npy, JSON, CSV or Parquet."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray

from embrec.errors import FeatureError
from embrec.features.vectors.choice import ID_NAMES, choose
from embrec.features.vectors.params import CATALOG_ORDER, VectorsParams

_BESIDE = (".ids.txt", ".ids.npy", ".ids.json", "_ids.txt", "_ids.npy", "_ids.json")


def ids_beside(params: VectorsParams, count: int) -> tuple[pl.Series | None, list[Path]]:
    """Read the ids of a file's rows from the file beside it.

    Args:
        params: parameters of the file of vectors.
        count: number of its rows.

    Returns:
        The ids, [count], or None if the rows are in catalog order; and the files that were read.

    Raises:
        FeatureError: there are no ids, they cannot be read, or their number is not `count`.
    """
    if params.ids == CATALOG_ORDER:
        return None, []
    path = params.path
    if params.ids is not None:
        source = Path(params.ids)
        if not source.is_file():
            raise FeatureError(
                f"{path}: its item ids should be in {params.ids!r} (ids=), which is neither a file nor a name inside it"
            )
    else:
        places = [path.with_name(path.stem + ending) for ending in _BESIDE]
        there = [place for place in places if place.is_file()]
        if not there:
            raise FeatureError(
                f"{path} does not say whose vectors it has; give a file of item ids with ids=, name it "
                f"{places[0].name} (one id per line), or say ids={CATALOG_ORDER} if row r is that of line r of the "
                "items' file"
            )
        source = there[0]
    ids = read_ids(source, params.id_column)
    if len(ids) != count:
        raise FeatureError(
            f"{source} has {len(ids):,} ids, {path} has {count:,} vectors; there must be one id per vector"
        )
    return ids, [source]


def read_ids(path: Path, id_column: str | None = None) -> pl.Series:
    """Read the ids in a file, as text, in the order of the file.

    Args:
        path: file ending in .npy, .json, .csv, .tsv (each also .gz) or .parquet; any other is text with one id per line.
        id_column: column of a CSV or Parquet file; one with a usual name, or the only one, if None.

    Raises:
        FeatureError: the file cannot be read, an entry is no id, or several columns fit.
    """
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    try:
        if suffix == ".npy":
            return text_ids(np.load(path, allow_pickle=False), str(path))
        if suffix == ".json":
            return list_ids(json.loads(path.read_text(encoding="utf-8")), str(path))
        if suffix in (".parquet", ".pq"):
            names = pyarrow.parquet.ParquetFile(path).schema_arrow.names
            column = _id_column(path, names, id_column)
            return series_ids(pyarrow.parquet.read_table(path, columns=[column]).column(0), path, column)
        if suffix in (".csv", ".tsv"):
            separator = "\t" if suffix == ".tsv" else ","
            names = pl.read_csv(path, separator=separator, n_rows=0).columns
            column = _id_column(path, names, id_column)
            frame = pl.read_csv(path, separator=separator, columns=[column], infer_schema=False)
            return frame[column].fill_null("")
        text = path.read_bytes().decode("utf-8-sig").removesuffix("\n")
        return pl.Series([line.removesuffix("\r") for line in text.split("\n")] if text else [], dtype=pl.String)
    except (OSError, ValueError, EOFError, pyarrow.ArrowException, pl.exceptions.PolarsError) as error:
        why = str(error).partition("\n")[0]
        raise FeatureError(f"{path}: the item ids cannot be read ({why}); write the file again") from None


def _id_column(path: Path, names: list[str], asked: str | None) -> str:
    column = choose(path, "column", names, asked, ID_NAMES, "id_column=")
    if column is None:
        raise FeatureError(f"{path} has no columns; write the item ids into it")
    return column


def series_ids(column: "pyarrow.ChunkedArray", path: Path, name: str) -> pl.Series:
    """Convert an Arrow column of ids to text.

    Args:
        column: ids, [n].
        path: file, for messages.
        name: name of the column, for messages.

    Raises:
        FeatureError: a row has no id, or the column has a type that ids cannot have.
    """
    kind = column.type.value_type if pyarrow.types.is_dictionary(column.type) else column.type
    if pyarrow.types.is_nested(kind) or pyarrow.types.is_floating(kind):
        raise FeatureError(f"{path}: column {name!r} holds {column.type}, not item ids; name another with id_column=")
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy()))
        raise FeatureError(
            f"{path}, row {row + 1:,}: no item id in column {name!r}; name the item or leave the row out"
        )
    ids = pl.Series(pl.from_arrow(column))
    return ids.cast(pl.String)


def text_ids(values: NDArray[np.generic], where: str) -> pl.Series:
    """Convert an array of texts, bytes or integers to ids.

    Args:
        values: ids, [n].
        where: position of the array, for messages.

    Raises:
        FeatureError: the array has another type or more than one dimension.
    """
    if values.ndim != 1:
        raise FeatureError(f"{where}: the item ids have shape {values.shape}; they must be one list")
    if values.dtype.kind in "SO":  # texts of HDF5 are bytes objects, in UTF-8 even where they are labelled ASCII
        try:
            return pl.Series(values.tolist(), dtype=pl.Binary).cast(pl.String)
        except (pl.exceptions.PolarsError, TypeError):
            raise FeatureError(f"{where}: the item ids are no UTF-8 text; write them as text") from None
    if values.dtype.kind not in "Uiu":
        raise FeatureError(f"{where}: the item ids are of type {values.dtype}; they must be texts or whole numbers")
    return pl.Series(values.tolist()).cast(pl.String) if len(values) else pl.Series([], dtype=pl.String)


def list_ids(values: object, where: str) -> pl.Series:
    """Convert a JSON list to ids.

    Args:
        values: parsed JSON.
        where: position of the list, for messages.

    Raises:
        FeatureError: it is no list of texts or integers.
    """
    if not isinstance(values, list):
        raise FeatureError(f"{where}: the item ids are no list; write a JSON list with one id per vector")
    for place, value in enumerate(values):
        if not isinstance(value, str | int) or isinstance(value, bool):
            raise FeatureError(f"{where}: entry {place + 1:,} of the list of item ids is {value!r}; expected a text")
    return pl.Series([str(value) for value in values], dtype=pl.String)
