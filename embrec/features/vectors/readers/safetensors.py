"""Reader of safetensors files: a tensor [n, d], with the item ids in a tensor of UTF-8 JSON, the metadata or another file.

The vectors are read at their offset in the file, because `safe_open` maps the whole file and keeps every page it has read.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from safetensors import SafetensorError, safe_open

from embrec.errors import FeatureError
from embrec.features.vectors.choice import ID_NAMES, VECTOR_NAMES, choose
from embrec.features.vectors.file import VectorFile
from embrec.features.vectors.ids import ids_beside, list_ids, text_ids
from embrec.features.vectors.mapped import MappedRows
from embrec.features.vectors.params import CATALOG_ORDER, VectorsParams
from embrec.features.vectors.shape import require_vectors

_NUMBERS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "<u1",
}


def read(params: VectorsParams, scratch: Path | None) -> VectorFile:
    """Open a tensor in place; see `open_vectors`."""
    path = params.path
    try:
        with safe_open(path, framework="numpy") as file:  # checks the header against the length of the file
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise FeatureError(f"{path} is no readable safetensors file ({error}); write it again") from None
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        tensors: dict[str, Any] = json.loads(stream.read(length))
        tensors.pop("__metadata__", None)
        start = 8 + length
        name = _vectors(path, tensors, params.key)
        tensor = tensors[name]
        kind = _NUMBERS[tensor["dtype"]]
        shape = (tensor["shape"][0], tensor["shape"][1])
        bfloat16 = tensor["dtype"] == "BF16"
        rows = MappedRows(stream, path, kind, shape, start + tensor["data_offsets"][0], bfloat16=bfloat16)
    ids = _ids(path, tensors, metadata, params.ids, len(rows))
    if ids is not None:
        return VectorFile(path, rows, ids, sources=(path,))
    ids, sources = ids_beside(params, len(rows))
    return VectorFile(path, rows, ids, sources=(path, *sources))


def _vectors(path: Path, tensors: dict[str, Any], key: str | None) -> str:
    there = list(tensors)
    if key is None:
        there = [name for name, tensor in tensors.items() if len(tensor["shape"]) == 2 and tensor["dtype"] in _NUMBERS]
    name = choose(path, "tensor of vectors", there, key, VECTOR_NAMES, "key=")
    if name is None:
        raise FeatureError(
            f"{path} has no tensor of numbers with two dimensions; expected one of [items, numbers per vector]"
        )
    if tensors[name]["dtype"] not in _NUMBERS:
        raise FeatureError(
            f"{path}: tensor {name!r} holds {tensors[name]['dtype']}, which is not read; write it as float32"
        )
    require_vectors(path, f"tensor {name!r}", tensors[name]["shape"], None)
    return name


def _ids(
    path: Path, tensors: dict[str, Any], metadata: dict[str, str], asked: str | None, count: int
) -> pl.Series | None:
    """Return the ids in the file, None if they are elsewhere."""
    if asked == CATALOG_ORDER:
        return None
    names = ID_NAMES if asked is None else (asked,)
    for name in names:
        where = f"{path}, {name!r}"
        if name in tensors:
            with safe_open(path, framework="numpy") as file:
                values = file.get_tensor(name)
            ids = _parsed(values.tobytes(), where) if values.dtype == np.uint8 else text_ids(values, where)
        elif name in metadata:
            ids = _parsed(metadata[name], where)
        else:
            continue
        if len(ids) != count:
            raise FeatureError(f"{where} has {len(ids):,} ids for {count:,} vectors; there must be one id per vector")
        return ids
    return None


def _parsed(text: str | bytes, where: str) -> pl.Series:
    try:
        return list_ids(json.loads(text), where)
    except ValueError:
        raise FeatureError(
            f"{where}: the item ids are no UTF-8 JSON; write a JSON list with one id per vector"
        ) from None
