"""The feature table: one HDF5 file with the vectors of one encoder for a whole catalog.

Contiguous datasets in the default format, so that readers map the vectors into memory and a kill never leaves a file that
cannot be opened: HDF5 writes the structure once, and everything after that goes into places that are already there.
"""

import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack

from embrec.data.catalog import Catalog
from embrec.errors import FeatureError

FORMAT = 1
_ROWS_AT_A_TIME = 4096


class FeatureTable:
    """A finished table, read-only. Row r belongs to item r of the catalog that it was built for.

    Attributes:
        path: of the file; its stem names the encoder's identity.
        item_ids: [n].
        present: False where an item had nothing to encode; its vector is zero, [n].
        fingerprints: hashes of what was encoded, [n, 16].
        attributes: format, encoder identity, `fitted_on`, versions, density and cost in seconds.
        vectors: mapped into memory, [n, d].
    """

    def __init__(
        self,
        path: Path,
        item_ids: NDArray[np.object_],
        present: NDArray[np.bool_],
        fingerprints: NDArray[np.uint8],
        attributes: dict[str, Any],
        vectors: NDArray[np.float32],
    ) -> None:
        self.path = path
        self.item_ids = item_ids
        self.present = present
        self.fingerprints = fingerprints
        self.attributes = attributes
        self.vectors = vectors

    @classmethod
    def open(cls, path: Path) -> "FeatureTable":
        """Open a table.

        Raises:
            FeatureError: the file is missing, damaged, or no feature table of this format.
        """
        if not path.is_file():
            raise FeatureError(f"no feature table {path}")
        try:
            with h5py.File(path, "r") as file:
                attributes = json.loads(file.attrs["attributes"])
                if attributes["format"] != FORMAT:
                    raise FeatureError(
                        f"{path} has format {attributes['format']}, this version reads {FORMAT}; build it again"
                    )
                attributes["seconds"] = float(file["seconds"][0])
                attributes["density"] = float(file["density"][0])
                places = {name: (file[name].id.get_offset(), file[name].shape) for name in ("vectors",)}
                item_ids = file["item_ids"].asstr()[:]
                present = file["present"][:].astype(bool)
                fingerprints = file["fingerprints"][:]
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise FeatureError(f"{path} is no readable feature table ({error}); delete it and build it again") from None
        offset, shape = places["vectors"]
        if path.stat().st_size < offset + 4 * shape[0] * shape[1]:
            raise FeatureError(f"{path} is cut short; delete it and build it again")
        if shape[0]:
            vectors: NDArray[np.float32] = np.memmap(path, np.float32, "r", offset, shape)
        else:
            vectors = np.zeros(shape, np.float32)
        return cls(path, item_ids, present, fingerprints, attributes, vectors)

    def __len__(self) -> int:
        return len(self.item_ids)

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return int(self.vectors.shape[1])

    @property
    def encoder_folder(self) -> Path:
        """The folder of the encoder that made this table, for `load_encoder`."""
        return self.path.with_suffix("")

    @cached_property
    def row_of_content(self) -> dict[bytes, int]:
        """Fingerprint -> a row with that content."""
        return {fingerprint.tobytes(): row for row, fingerprint in enumerate(self.fingerprints)}

    def check(self, catalog: Catalog) -> None:
        """Raise unless the table belongs to this catalog.

        Raises:
            FeatureError: the items or their order differ.
        """
        if len(self) != len(catalog) or not np.array_equal(self.item_ids, catalog.item_ids):
            raise FeatureError(
                f"{self.path} was built for another catalog ({len(self):,} items; now {len(catalog):,}); run "
                "embrec features build again, which encodes only what is new"
            )

    def csr(self) -> csr_matrix:
        """Return the vectors as a sparse matrix, never holding more than a block of them densely."""
        blocks = [
            csr_matrix(self.vectors[start : start + _ROWS_AT_A_TIME])
            for start in range(0, max(1, len(self)), _ROWS_AT_A_TIME)
        ]
        return vstack(blocks, format="csr")


class TableWriter:
    """Fills a `.partial` file block by block; what is marked as done survives a kill at any moment.

    Args:
        path: of the finished table.
        catalog: the items.
        fingerprints: of what will be encoded, [n, 16].
        dim: length of a vector.
        n_blocks: how many done bits there are.
        attributes: what the table says of itself, and by which a partial file is recognised as the same work.

    Raises:
        FeatureError: the disk has no room for the whole table.
    """

    def __init__(
        self,
        path: Path,
        catalog: Catalog,
        fingerprints: NDArray[np.uint8],
        dim: int,
        n_blocks: int,
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
        text = json.dumps({"format": FORMAT, **attributes}, sort_keys=True)
        if not self._resumable(text, fingerprints, catalog):
            self._create(text, fingerprints, catalog)
        with h5py.File(self.partial, "r") as file:
            places = {name: file[name].id.get_offset() for name in self._shapes}
        self._arrays: dict[str, NDArray[Any]] = {
            name: np.memmap(self.partial, dtype, "r+", places[name], shape)
            if np.prod(shape)
            else np.zeros(shape, dtype)
            for name, (shape, dtype) in self._shapes.items()
        }

    def _resumable(self, text: str, fingerprints: NDArray[np.uint8], catalog: Catalog) -> bool:
        try:
            with h5py.File(self.partial, "r") as file:
                return (
                    file.attrs["attributes"] == text
                    and file["done"].shape == self._shapes["done"][0]
                    and np.array_equal(file["fingerprints"][:], fingerprints)
                    and np.array_equal(file["item_ids"].asstr()[:], catalog.item_ids)
                )
        except (OSError, KeyError, RuntimeError):
            return False

    def _create(self, text: str, fingerprints: NDArray[np.uint8], catalog: Catalog) -> None:
        self.partial.unlink(missing_ok=True)
        needed = sum(int(np.prod(shape)) * np.dtype(dtype).itemsize for shape, dtype in self._shapes.values())
        try:
            with h5py.File(self.partial, "w") as file:
                file.attrs["attributes"] = text
                file.create_dataset("item_ids", data=catalog.item_ids, dtype=h5py.string_dtype())
                file.create_dataset("fingerprints", data=fingerprints)
                for name, (shape, dtype) in self._shapes.items():
                    _allocate(file, name, shape, dtype)
            # Space that is only promised would end the process when it is written through the memory map.
            with self.partial.open("rb+") as stream:
                size = os.fstat(stream.fileno()).st_size
                os.posix_fallocate(stream.fileno(), 0, size)
                os.fsync(stream.fileno())
        except (OSError, RuntimeError) as error:
            self.partial.unlink(missing_ok=True)
            raise FeatureError(
                f"{self.path} needs {needed / 1e6:,.0f} MB and could not be written ({error}); "
                "free some room and run the command again"
            ) from None

    @property
    def done(self) -> NDArray[np.bool_]:
        """Which blocks are finished, [n_blocks]."""
        return self._arrays["done"].astype(bool)

    @property
    def seconds(self) -> float:
        """Time spent on the finished blocks, over all sittings."""
        return float(self._arrays["seconds"][0])

    def write(
        self, rows: NDArray[np.integer], vectors: NDArray[np.float32], present: NDArray[np.bool_]
    ) -> None:
        """Write the vectors of some rows."""
        self._arrays["vectors"][rows] = vectors
        self._arrays["present"][rows] = present

    def copy(self, rows: NDArray[np.integer], sources: NDArray[np.integer]) -> None:
        """Give some rows the vectors of others, whose content is the same."""
        for start in range(0, len(rows), _ROWS_AT_A_TIME):
            block = slice(start, start + _ROWS_AT_A_TIME)
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
            int(np.count_nonzero(vectors[start : start + _ROWS_AT_A_TIME]))
            for start in range(0, len(vectors), _ROWS_AT_A_TIME)
        )
        self._arrays["density"][0] = filled / max(1, vectors.size)
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


def _allocate(file: h5py.File, name: str, shape: tuple[int, ...], dtype: type) -> None:
    """Make a contiguous dataset whose place in the file is fixed at once and filled with zeros."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.CONTIGUOUS)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space = h5py.h5s.create_simple(shape)
    h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(np.dtype(dtype)), space, properties)
