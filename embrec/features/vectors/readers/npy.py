"""Reader of NumPy's `.npy`: an array [n, d], with the item ids in a file beside it."""

from pathlib import Path

import numpy as np

from embrec.errors import FeatureError
from embrec.features.vectors.file import VectorFile
from embrec.features.vectors.ids import ids_beside
from embrec.features.vectors.mapped import MappedRows
from embrec.features.vectors.params import VectorsParams
from embrec.features.vectors.shape import require_vectors


def read(params: VectorsParams, scratch: Path | None) -> VectorFile:
    """Open an array in place; see `open_vectors`. Pickled arrays are refused."""
    path = params.path
    with path.open("rb") as stream:
        try:
            version = np.lib.format.read_magic(stream)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = header(stream)
        except ValueError:
            raise FeatureError(f"{path} is no readable .npy file; write it with numpy.save") from None
        if dtype.hasobject:
            raise FeatureError(
                f"{path} is a pickled array of Python objects, which is not opened; save it as numbers: "
                "numpy.save(path, numpy.stack(array).astype('float32'))"
            )
        require_vectors(path, "the array", shape, dtype)
        strides = (dtype.itemsize, shape[0] * dtype.itemsize) if fortran else None
        rows = MappedRows(stream, path, dtype, (shape[0], shape[1]), stream.tell(), strides)
    ids, sources = ids_beside(params, len(rows))
    return VectorFile(path, rows, ids, sources=(path, *sources))
