"""Writing a feature table so that a kill at any moment loses at most one block, and no reader sees half a table.

HDF5 writes the structure of the `.partial` file once, with the space of every dataset reserved. After that, vectors and done
marks go through a memory map into places that are already there, so that the file can be opened whenever the writer dies.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.errors import FeatureError
from embrec.features.table import FORMAT, ROWS_AT_A_TIME


class TableWriter:
    """Fills a `.partial` file block by block; what is marked as done survives a kill.

    Args:
        path: of the finished table.
        catalog: the items.
        fingerprints: of what will be encoded, [n, 16].
        dim: length of a vector.
        n_blocks: how many done marks there are.
        plan: a hash of which rows are in which block.
        attributes: what the table says of itself; a partial file with others, or with another plan, is begun again.

    Raises:
        FeatureError: the disk has no room for the whole table, or it cannot be written.
    """

    def __init__(
        self,
        path: Path,
        catalog: Catalog,
        fingerprints: NDArray[np.uint8],
        dim: int,
        n_blocks: int,
        plan: str,
        attributes: dict[str, Any],
    ) -> None:
        self.path = path
        self.partial = path.with_name(path.name + ".partial")
        self._shapes = {
            "vectors": ((len(catalog), dim), np.float32),
            "present": ((len(catalog),), np.uint8),
            "done": ((n_blocks,), np.uint8),
            "seconds": ((1,), np.float64),
            "density": ((1,), np.float64),
        }
        texts = {"attributes": json.dumps({"format": FORMAT, **attributes}, sort_keys=True), "plan": plan}
        if not self._resumable(texts, fingerprints, catalog):
            self._create(texts, fingerprints, catalog)
        self._reserve()
        with h5py.File(self.partial, "r") as file:
            places = {name: file[name].id.get_offset() for name in self._shapes}
        self._arrays: dict[str, NDArray[Any]] = {
            name: np.memmap(self.partial, dtype, "r+", places[name], shape)
            if np.prod(shape)
            else np.zeros(shape, dtype)
            for name, (shape, dtype) in self._shapes.items()
        }

    def _resumable(self, texts: dict[str, str], fingerprints: NDArray[np.uint8], catalog: Catalog) -> bool:
        try:
            with h5py.File(self.partial, "r") as file:
                return (
                    all(file.attrs[name] == text for name, text in texts.items())
                    and all(file[name].shape == shape for name, (shape, _) in self._shapes.items())
                    and np.array_equal(file["fingerprints"][:], fingerprints)
                    and np.array_equal(file["item_ids"].asstr()[:], catalog.item_ids)
                )
        except (OSError, KeyError, RuntimeError):
            return False

    def _create(self, texts: dict[str, str], fingerprints: NDArray[np.uint8], catalog: Catalog) -> None:
        try:
            with self.partial.open("wb") as stream:  # HDF5 does not survive a disk that fills up under it
                os.posix_fallocate(stream.fileno(), 0, self._size(catalog))
            with h5py.File(self.partial, "w") as file:
                for name, text in texts.items():
                    file.attrs[name] = text
                ids = catalog.item_ids
                file.create_dataset("item_ids", data=ids, dtype=h5py.string_dtype(), track_times=False)
                file.create_dataset("fingerprints", data=fingerprints, track_times=False)
                for name, (shape, dtype) in self._shapes.items():
                    _allocate(file, name, shape, dtype)
                    if name != "vectors":
                        file[name][...] = 0
        except (OSError, ValueError, RuntimeError) as error:
            self.partial.unlink(missing_ok=True)
            raise self._unwritable(error) from None

    def _reserve(self) -> None:
        """Give the file all its space: space that is only promised would end the process when the map is written."""
        try:
            with self.partial.open("rb+") as stream:
                os.posix_fallocate(stream.fileno(), 0, os.fstat(stream.fileno()).st_size)
                os.fsync(stream.fileno())
        except OSError as error:
            raise self._unwritable(error) from None

    def _size(self, catalog: Catalog) -> int:
        """Return the bytes of the file, or a little more: vectors, fingerprints, ids with their places, and the structure."""
        parts = sum(int(np.prod(shape)) * np.dtype(dtype).itemsize for shape, dtype in self._shapes.values())
        ids = sum(len(item.encode()) for item in catalog.item_ids)
        return parts + ids + (16 + 64) * len(catalog) + (1 << 16)

    def _unwritable(self, error: Exception) -> FeatureError:
        size = sum(int(np.prod(shape)) * np.dtype(dtype).itemsize for shape, dtype in self._shapes.values())
        return FeatureError(
            f"{self.path} needs {size / 1e6:,.1f} MB and could not be written ({reason(error)}); "
            "free some room and run the command again"
        )

    @property
    def done(self) -> NDArray[np.bool_]:
        """Which blocks are finished, [n_blocks]."""
        return self._arrays["done"].astype(bool)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which items have a vector so far, [n]."""
        return self._arrays["present"].astype(bool)

    @property
    def seconds(self) -> float:
        """Time spent on the finished blocks, over all sittings."""
        return float(self._arrays["seconds"][0])

    def write(self, rows: NDArray[np.integer], vectors: NDArray[np.float32], present: NDArray[np.bool_]) -> None:
        """Write the vectors of some rows."""
        self._arrays["vectors"][rows] = vectors
        self._arrays["present"][rows] = present

    def copy(self, rows: NDArray[np.integer], sources: NDArray[np.integer]) -> None:
        """Give some rows the vectors of others, whose content is the same."""
        for start in range(0, len(rows), ROWS_AT_A_TIME):
            block = slice(start, start + ROWS_AT_A_TIME)
            self.write(rows[block], self._arrays["vectors"][sources[block]], self._arrays["present"][sources[block]])

    def mark(self, block: int, seconds: float) -> None:
        """Mark a block as done, after its vectors have reached the disk."""
        self._flush("vectors", "present")
        self._arrays["seconds"][0] += seconds
        self._arrays["done"][block] = 1
        self._flush("done", "seconds")

    def finish(self) -> None:
        """Make the partial file the table."""
        vectors = self._arrays["vectors"]
        filled = sum(
            int(np.count_nonzero(vectors[start : start + ROWS_AT_A_TIME]))
            for start in range(0, len(vectors), ROWS_AT_A_TIME)
        )
        self._arrays["density"][0] = filled / max(1, vectors.size)
        self._arrays["seconds"][0] = 0  # the same vectors are the same file, however long they took
        self._flush(*self._arrays)
        self._arrays.clear()
        with self.partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        self.partial.replace(self.path)

    def _flush(self, *names: str) -> None:
        for name in names:
            array = self._arrays[name]
            if isinstance(array, np.memmap):
                array.flush()


def reason(error: Exception) -> str:
    """Return why the operating system refused, without what HDF5 or NumPy were doing at the time."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (found := re.search(r"errno = (\d+)", str(error))):
        number = int(found[1])
    return os.strerror(number) if number else str(error).partition("\n")[0]


def _allocate(file: h5py.File, name: str, shape: tuple[int, ...], dtype: type) -> None:
    """Make a contiguous dataset whose place in the file is fixed at once; nothing is written into it yet."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.CONTIGUOUS)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_obj_track_times(False)
    space = h5py.h5s.create_simple(shape)
    h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(np.dtype(dtype)), space, properties)
