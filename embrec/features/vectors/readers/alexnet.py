"""Reader of the published AlexNet features: records of a 10-byte ASCII item id and 4,096 little-endian float32.

Source: [mcauley2015].
"""

from pathlib import Path

import numpy as np
import polars as pl

from embrec.errors import FeatureError
from embrec.features.vectors.file import VectorFile
from embrec.features.vectors.mapped import MappedRows
from embrec.features.vectors.params import VectorsParams

ID_BYTES = 10
DIM = 4096
RECORD_BYTES = ID_BYTES + 4 * DIM


def read(params: VectorsParams, scratch: Path | None) -> VectorFile:
    """Open the records in place; see `open_vectors`."""
    path = params.path
    count, left = divmod(path.stat().st_size, RECORD_BYTES)
    if left or not count:
        raise FeatureError(
            f"{path} is not a whole number of AlexNet records ({RECORD_BYTES:,} bytes each): {count:,} records and "
            f"{left:,} bytes; the file is cut short or of another format, download it again or give format="
        )
    with path.open("rb") as stream:
        rows = MappedRows(stream, path, "<f4", (count, DIM), ID_BYTES, (RECORD_BYTES, 4))
        names = MappedRows(stream, path, f"S{ID_BYTES}", (count, 1), 0, (RECORD_BYTES, ID_BYTES))
    ids = names.take(np.arange(count))[:, 0]
    letters = ids.view(np.uint8).reshape(count, ID_BYTES)
    strange = ((letters < 32) & (letters > 0) | (letters > 126)).any(axis=1) | (ids == b"")
    if strange.any():
        row = int(np.argmax(strange))
        raise FeatureError(
            f"{path}, record {row + 1:,}: the item id {ids[row]!r} is no ASCII text; "
            "this is no file of AlexNet records, or a damaged one"
        )
    text = pl.Series([item.decode("ascii").rstrip(" ") for item in ids.tolist()], dtype=pl.String)
    return VectorFile(path, rows, text, "record", sources=(path,))
