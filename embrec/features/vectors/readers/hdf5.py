"""Reader of HDF5 files: a dataset [n, d], with the item ids in another dataset or in a file beside it.

Feature tables are such files.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.errors import FeatureError
from embrec.features.vectors.choice import ID_NAMES, VECTOR_NAMES, choose
from embrec.features.vectors.file import VectorFile
from embrec.features.vectors.ids import ids_beside, text_ids
from embrec.features.vectors.mapped import MappedRows, copy_rows
from embrec.features.vectors.params import CATALOG_ORDER, VectorsParams
from embrec.features.vectors.shape import require_vectors

_COPY_BYTES = 16 << 20


def read(params: VectorsParams, scratch: Path | None) -> VectorFile:
    """Open a contiguous dataset in place, and copy a chunked or compressed one; see `open_vectors`."""
    path = params.path
    try:
        with h5py.File(path, "r") as file:
            datasets = _datasets(file)
            dataset = _vectors(path, datasets, params.key)
            rows = _rows(path, dataset, scratch)
            ids = _ids(path, datasets, params.ids, len(rows))
            absent = _absent(datasets, len(rows))
    except (OSError, RuntimeError, KeyError) as error:
        reason = str(error).strip("'\"").partition("\n")[0]
        raise FeatureError(f"{path} is no readable HDF5 file ({reason}); write it again") from None
    sources = [path]
    if ids is None:
        ids, others = ids_beside(params, len(rows))
        sources += others
    if ids is not None and absent is not None:
        ids = ids.set(pl.Series(absent), None)
    return VectorFile(path, rows, ids, sources=sources)


def _datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    found: dict[str, h5py.Dataset] = {}

    def keep(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            found[name] = node

    file.visititems(keep)
    return found


def _vectors(path: Path, datasets: dict[str, h5py.Dataset], key: str | None) -> h5py.Dataset:
    there = list(datasets)
    if key is None:
        there = [name for name, dataset in datasets.items() if dataset.ndim == 2 and dataset.dtype.kind in "fiu"]
    name = choose(path, "dataset of vectors", there, key and key.strip("/"), VECTOR_NAMES, "key=")
    if name is None:
        raise FeatureError(
            f"{path} has no dataset of numbers with two dimensions; expected one of [items, numbers per vector]"
        )
    require_vectors(path, f"dataset {name!r}", datasets[name].shape or (), datasets[name].dtype)
    return datasets[name]


def _rows(path: Path, dataset: h5py.Dataset, scratch: Path | None) -> MappedRows:
    offset = dataset.id.get_offset()
    if offset is None or dataset.chunks or dataset.external or dataset.is_virtual:
        return copy_rows(_blocks(dataset), path, scratch)
    with path.open("rb") as stream:
        return MappedRows(stream, path, dataset.dtype, dataset.shape, offset)


def _blocks(dataset: h5py.Dataset) -> Iterator[NDArray[np.float32]]:
    chunk = dataset.chunks[0] if dataset.chunks else 1
    step = chunk * max(1, _COPY_BYTES // (chunk * dataset.shape[1] * dataset.dtype.itemsize))
    for start in range(0, len(dataset), step):
        with np.errstate(over="ignore"):
            yield dataset[start : start + step].astype(np.float32)


def _ids(path: Path, datasets: dict[str, h5py.Dataset], asked: str | None, count: int) -> pl.Series | None:
    """Return the ids in the file, None if they are elsewhere."""
    if asked == CATALOG_ORDER or (asked is not None and asked.strip("/") not in datasets):
        return None
    name = asked and asked.strip("/")
    if name is None:
        lists = {name: dataset for name, dataset in datasets.items() if dataset.shape == (count,)}
        texts = [name for name, dataset in lists.items() if _is_text(dataset)]
        named = [name for name, dataset in lists.items() if name in ID_NAMES and dataset.dtype.kind in "iu"]
        name = choose(path, "dataset of item ids", [*texts, *named], None, ID_NAMES, "ids=")
    if name is None:
        return None
    dataset = datasets[name]
    where = f"{path}, dataset {name!r}"
    ids = text_ids(dataset[:], where)
    if len(ids) != count:
        raise FeatureError(f"{where} has {len(ids):,} ids for {count:,} vectors; there must be one id per vector")
    return ids


def _is_text(dataset: h5py.Dataset) -> bool:
    return h5py.check_string_dtype(dataset.dtype) is not None


def _absent(datasets: dict[str, h5py.Dataset], count: int) -> NDArray[np.bool_] | None:
    """Return True for the rows without a vector, as marked in a feature table, [count]."""
    present = datasets.get("present")
    return None if present is None or present.shape != (count,) or present.dtype.kind not in "bu" else present[:] == 0
