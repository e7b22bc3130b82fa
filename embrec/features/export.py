"""Export of a feature table to formats that other programs read and that the encoder `vectors` reads back.

| suffix | contents |
|---|---|
| `.npy` | the vectors; the item ids, one per line, in `NAME.ids.txt` beside it |
| `.parquet` | columns `item` and `vector` (a fixed-size list) |
| `.csv`, `.tsv`, each also `.gz` | columns `item`, `v0`, `v1`, ... |
| `.h5`, `.hdf5` | datasets `item_ids` and `vectors` |
| `.safetensors` | tensors `vectors` and `ids` (the bytes of a JSON list; metadata is limited in size) |

Items without a vector are left out. Vectors are written as float32, one block at a time.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

import h5py
import numpy as np
import polars as pl
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray

from embrec.errors import ConfigError, FeatureError
from embrec.features.table import FeatureTable
from embrec.features.writer import reason
from embrec.files import atomic_path
from embrec.locks import together

BLOCK_BYTES = 16 << 20
_FORMATS = {
    ".npy": "npy",
    ".parquet": "parquet",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "tsv",
    ".tsv.gz": "tsv",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".safetensors": "safetensors",
}


class _PresentRows:
    """The items of a table that have a vector, read in blocks.

    Args:
        table: table to read.
        block_bytes: size of a block in bytes; a block has at least one row.
    """

    def __init__(self, table: FeatureTable, block_bytes: int) -> None:
        self._block_bytes = block_bytes
        self._table = table
        self._rows = np.flatnonzero(table.present)
        self.ids: list[str] = table.item_ids[self._rows].tolist()
        self.shape = (len(self._rows), table.dim)

    def blocks(self) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """Yield the ids and the vectors of each block, [k] and [k, d]."""
        step = max(1, self._block_bytes // (4 * self.shape[1]))
        for start in range(0, len(self._rows), step):
            vectors = self._table.vectors[self._rows[start : start + step]]
            yield self.ids[start : start + step], np.ascontiguousarray(vectors, dtype="<f4")


def export(table: FeatureTable, path: Path, *, block_bytes: int = BLOCK_BYTES) -> int:
    """Write the items that have a vector, and their vectors, to a file; return their number.

    Args:
        table: table to export.
        path: file to write, whose suffix decides the format; an older file is replaced once the new one is complete.
        block_bytes: bytes of vectors held in memory at a time.

    Raises:
        ConfigError: the suffix belongs to no known format.
        FeatureError: no item has a vector, the path is the table itself, or the file cannot be written.
    """
    name = path.name.lower()
    kind = next((kind for suffix, kind in _FORMATS.items() if name.endswith(suffix)), None)
    if kind is None:
        raise ConfigError(f"cannot tell the format of {path} from its name; known endings are: {', '.join(_FORMATS)}")
    if path.exists() and path.samefile(table.path):
        raise FeatureError(f"{path} is the table itself; export it to another file")
    rows = _PresentRows(table, block_bytes)
    if not rows.shape[0]:
        raise FeatureError(f"{table.path}: no item has a vector, so there is nothing to export")
    try:
        _WRITERS[kind](rows, path)
    except (OSError, RuntimeError, pyarrow.ArrowException, pl.exceptions.PolarsError) as error:
        raise FeatureError(
            f"{path} could not be written ({reason(error)}); free some room or choose another place"
        ) from None
    return len(rows.ids)


def _write_npy(rows: _PresentRows, path: Path) -> None:
    for item in rows.ids:
        if "\n" in item or item.endswith("\r"):
            raise FeatureError(
                f"item {item!r} has a line break in its id, which a list with one id per line cannot hold; export to .parquet"
            )
    # Two files are written: the lock keeps two processes from mixing theirs.
    with together(path.parent), atomic_path(path) as temporary:
        with temporary.open("wb") as stream:
            header = {"descr": "<f4", "fortran_order": False, "shape": rows.shape}
            np.lib.format.write_array_header_1_0(stream, header)
            for _, vectors in rows.blocks():
                stream.write(vectors.data)
        # Removed first, so that a kill between the two files never leaves old vectors with new ids.
        path.unlink(missing_ok=True)
        with atomic_path(path.with_name(path.stem + ".ids.txt")) as listed:
            listed.write_text("".join(f"{item}\n" for item in rows.ids), encoding="utf-8", newline="\n")


def _write_parquet(rows: _PresentRows, path: Path) -> None:
    dim = rows.shape[1]
    schema = pyarrow.schema([("item", pyarrow.string()), ("vector", pyarrow.list_(pyarrow.float32(), dim))])
    with (
        atomic_path(path) as temporary,
        pyarrow.parquet.ParquetWriter(temporary, schema, compression="zstd", use_dictionary=False) as writer,
    ):
        for ids, vectors in rows.blocks():
            lists = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(vectors.ravel()), dim)
            writer.write_batch(pyarrow.record_batch([pyarrow.array(ids, pyarrow.string()), lists], schema=schema))


def _write_csv(rows: _PresentRows, path: Path, separator: str = ",") -> None:
    names = [f"v{place}" for place in range(rows.shape[1])]
    with atomic_path(path) as temporary, _text(temporary, path.name.lower().endswith(".gz")) as stream:
        for number, (ids, vectors) in enumerate(rows.blocks()):
            frame = pl.DataFrame(vectors, schema=names).insert_column(0, pl.Series("item", ids, dtype=pl.String))
            frame.write_csv(stream, separator=separator, include_header=number == 0)


def _write_tsv(rows: _PresentRows, path: Path) -> None:
    _write_csv(rows, path, "\t")


def _text(path: Path, compressed: bool) -> IO[Any]:
    return cast(IO[Any], gzip.open(path, "wb", compresslevel=6)) if compressed else path.open("wb")


def _write_hdf5(rows: _PresentRows, path: Path) -> None:
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as file:
        file.create_dataset("item_ids", data=rows.ids, dtype=h5py.string_dtype(), track_times=False)
        dataset = file.create_dataset("vectors", rows.shape, "<f4", track_times=False)
        start = 0
        for ids, vectors in rows.blocks():
            dataset[start : start + len(ids)] = vectors
            start += len(ids)


def _write_safetensors(rows: _PresentRows, path: Path) -> None:
    ids = json.dumps(rows.ids, ensure_ascii=False).encode()
    end = 4 * rows.shape[0] * rows.shape[1]
    header = {
        "vectors": {"dtype": "F32", "shape": rows.shape, "data_offsets": [0, end]},
        "ids": {"dtype": "U8", "shape": [len(ids)], "data_offsets": [end, end + len(ids)]},
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for _, vectors in rows.blocks():
            stream.write(vectors.data)
        stream.write(ids)


_WRITERS: dict[str, Callable[[_PresentRows, Path], None]] = {
    "npy": _write_npy,
    "parquet": _write_parquet,
    "csv": _write_csv,
    "tsv": _write_tsv,
    "hdf5": _write_hdf5,
    "safetensors": _write_safetensors,
}
