"""The writer of a feature table: a kill loses at most seconds of work, and no reader sees an unfinished table.

HDF5 writes the structure of the `.partial` file once, with space reserved for every dataset. After that, vectors and done
marks are written directly to their offsets in the file, so that it can be opened whenever the writer dies.
"""

import json
import os
import re
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from embrec.errors import FeatureError
from embrec.features.rows import Rows
from embrec.features.table import FORMAT, ROWS_AT_A_TIME

_LONGEST_ID = 1024
_DENSITY_ROWS = 4096

# Data reaches the disk before it is marked as done; syncing may take at most this share of the time.
_SYNC_SHARE = 0.1


class TableWriter:
    """Writes a `.partial` file block by block; blocks marked as done survive a kill, and soon after a power failure.

    Args:
        path: path of the finished file.
        item_ids: item ids, [n].
        fingerprints: hashes of the contents, [n, 16].
        dim: length of a vector.
        dtype: type of the vectors, float32 or float16.
        n_blocks: number of blocks.
        plan: hash of the blocks and their rows.
        attributes: attributes of the table. A partial file with other attributes or another plan is started again.

    Raises:
        FeatureError: the disk has no room for the whole table, or the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        item_ids: NDArray[np.object_],
        fingerprints: NDArray[np.uint8],
        dim: int,
        dtype: np.dtype[Any],
        n_blocks: int,
        plan: str,
        attributes: dict[str, Any],
    ) -> None:
        self.path = path
        self.partial = path.with_name(path.name + ".partial")
        n = len(item_ids)
        self._shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {
            "vectors": ((n, dim), dtype),
            "present": ((n,), np.dtype(np.uint8)),
            "done": ((n_blocks,), np.dtype(np.uint8)),
            "seconds": ((1,), np.dtype(np.float64)),
            "density": ((1,), np.dtype(np.float64)),
        }
        ids = _utf8(item_ids)
        texts = {"attributes": json.dumps({"format": FORMAT, **attributes}, sort_keys=True), "plan": plan}
        if not self._resumable(texts, fingerprints, ids):
            self._create(texts, fingerprints, ids)
        self._reserve()
        with h5py.File(self.partial, "r") as file:
            self._places = {name: file[name].id.get_offset() for name in self._shapes}
            self._present: NDArray[np.uint8] = file["present"][:]
            self._done: NDArray[np.uint8] = file["done"][:]
            self._seconds = float(file["seconds"][0])
        self._pending: list[int] = []
        self._synced, self._sync_seconds = time.monotonic(), 0.0
        self._file = os.open(self.partial, os.O_RDWR)

    def _resumable(self, texts: dict[str, str], fingerprints: NDArray[np.uint8], ids: NDArray[np.bytes_]) -> bool:
        try:
            with h5py.File(self.partial, "r") as file:
                return (
                    all(file.attrs[name] == text for name, text in texts.items())
                    and all(
                        (file[name].shape, file[name].dtype) == (shape, dtype)
                        for name, (shape, dtype) in self._shapes.items()
                    )
                    and np.array_equal(file["fingerprints"][:], fingerprints)
                    and np.array_equal(file["item_ids"][:], ids)
                )
        except (OSError, KeyError, RuntimeError):
            return False

    def _create(self, texts: dict[str, str], fingerprints: NDArray[np.uint8], ids: NDArray[np.bytes_]) -> None:
        try:
            with self.partial.open("wb") as stream:  # HDF5 cannot recover if the disk fills up while it writes
                os.posix_fallocate(stream.fileno(), 0, self._size(ids, texts))
            with h5py.File(self.partial, "w") as file:
                for name, text in texts.items():
                    file.attrs[name] = text
                utf8 = h5py.string_dtype("utf-8", ids.dtype.itemsize)
                file.create_dataset("item_ids", data=ids.astype(utf8), track_times=False)
                file.create_dataset("fingerprints", data=fingerprints, track_times=False)
                for name, (shape, dtype) in self._shapes.items():
                    _allocate(file, name, shape, dtype)
                    if name != "vectors":
                        file[name][...] = 0
        except (OSError, ValueError, RuntimeError) as error:
            self.partial.unlink(missing_ok=True)
            raise self._unwritable(error) from None

    def _reserve(self) -> None:
        """Reserve the file's whole space, so that the disk cannot fill up during encoding."""
        try:
            with self.partial.open("rb+") as stream:
                os.posix_fallocate(stream.fileno(), 0, os.fstat(stream.fileno()).st_size)
                os.fsync(stream.fileno())
        except OSError as error:
            raise self._unwritable(error) from None

    def _size(self, ids: NDArray[np.bytes_], texts: dict[str, str]) -> int:
        """Return an upper bound of the file's bytes: datasets, texts and structure."""
        parts = sum(int(np.prod(shape)) * dtype.itemsize for shape, dtype in self._shapes.values())
        return parts + ids.nbytes + 16 * len(ids) + sum(map(len, texts.values())) + (1 << 16)

    def _unwritable(self, error: Exception) -> FeatureError:
        size = sum(int(np.prod(shape)) * dtype.itemsize for shape, dtype in self._shapes.values())
        return FeatureError(
            f"{self.path} needs {size / 1e6:,.1f} MB and could not be written ({reason(error)}); "
            "free some room and build again"
        )

    @property
    def done(self) -> NDArray[np.bool_]:
        """True for the finished blocks, [n_blocks]."""
        return self._done.astype(bool)

    @property
    def present(self) -> NDArray[np.bool_]:
        """True for the items that have a vector so far, [n]."""
        return self._present.astype(bool)

    @property
    def seconds(self) -> float:
        """The time spent on the finished blocks, including earlier, killed builds."""
        return self._seconds

    def write(self, rows: NDArray[np.integer], vectors: NDArray[Any], present: NDArray[np.bool_]) -> None:
        """Write the vectors of some rows.

        Args:
            rows: distinct row numbers, [k].
            vectors: their vectors, [k, dim].
            present: False where an item has no vector, [k].

        Raises:
            FeatureError: the file cannot be written.
        """
        if not len(rows):
            return
        (_, dim), dtype = self._shapes["vectors"]
        if len(rows) > 1 and not (np.diff(rows) > 0).all():
            order = np.argsort(rows, kind="stable")
            rows, vectors, present = rows[order], vectors[order], present[order]
        self._present[rows] = present
        data = np.ascontiguousarray(vectors, dtype=dtype).data.cast("B") if dim else memoryview(b"")
        width, start = dim * dtype.itemsize, self._places["vectors"]
        ends = [*(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
        begin = 0
        try:
            for end in ends if dim else ():  # consecutive rows are one write
                _write_at(self._file, data[begin * width : end * width], start + int(rows[begin]) * width)
                begin = end
        except OSError as error:
            raise self._unwritable(error) from None

    def copy(self, rows: NDArray[np.integer], sources: NDArray[np.integer]) -> None:
        """Copy the vectors of rows `sources`, [k], to the rows `rows`, [k], whose content is the same."""
        vectors = self._vectors()
        for start in range(0, len(rows), ROWS_AT_A_TIME):
            block = slice(start, start + ROWS_AT_A_TIME)
            self.write(rows[block], vectors[sources[block]], self._present[sources[block]].astype(bool))
            vectors.forget()

    def mark(self, block: int, seconds: float) -> None:
        """Mark a block as done; marks are written once the vectors before them have reached the disk."""
        self._pending.append(block)
        self._seconds += seconds
        if (time.monotonic() - self._synced) * _SYNC_SHARE >= self._sync_seconds:
            self.sync()

    def sync(self) -> None:
        """Flush all data to the disk, then write the pending done marks."""
        began = time.monotonic()
        try:
            self._put("present", self._present)
            os.fdatasync(self._file)
            self._done[self._pending] = 1
            self._put("done", self._done)
            self._put("seconds", np.array([self._seconds]))
        except OSError as error:
            raise self._unwritable(error) from None
        self._pending.clear()
        self._synced = time.monotonic()
        self._sync_seconds = self._synced - began

    def close(self) -> None:
        """Close the partial file, which a later build resumes; does nothing after `finish`."""
        if self._file >= 0:
            try:
                self.sync()
            finally:
                os.close(self._file)
                self._file = -1

    def finish(self) -> None:
        """Turn the partial file into the table."""
        sample = self._sample()
        self._seconds = 0.0  # equal vectors give equal files, however long they took
        try:
            self._put("density", np.array([np.count_nonzero(sample) / max(1, sample.size)]))
            self.sync()
            os.fsync(self._file)
        except OSError as error:
            raise self._unwritable(error) from None
        os.close(self._file)
        self._file = -1
        self.partial.replace(self.path)

    def _sample(self) -> NDArray[Any]:
        """Read rows spread evenly over the table; not memory-mapped, which may load megabytes around each row."""
        (n, dim), dtype = self._shapes["vectors"]
        width, place = dim * dtype.itemsize, self._places["vectors"]
        rows = np.unique(np.linspace(0, n - 1, min(n, _DENSITY_ROWS)).astype(np.int64)).tolist() if width else []
        return np.frombuffer(b"".join(os.pread(self._file, width, place + row * width) for row in rows), dtype)

    def _vectors(self) -> Rows:
        shape, dtype = self._shapes["vectors"]
        return Rows.of_file(self.partial, dtype, self._places["vectors"], (shape[0], shape[1]))

    def _put(self, name: str, values: NDArray[Any]) -> None:
        if values.size:
            _write_at(self._file, values.data.cast("B"), self._places[name])


def reason(error: Exception) -> str:
    """Return the operating system's reason for an error, without the details that HDF5 or NumPy add."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (found := re.search(r"errno = (\d+)", str(error))):
        number = int(found[1])
    return os.strerror(number) if number else str(error).partition("\n")[0]


def _utf8(item_ids: NDArray[np.object_]) -> NDArray[np.bytes_]:
    encoded = [item.encode() for item in item_ids.tolist()]
    longest = max(map(len, encoded), default=0)
    if longest > _LONGEST_ID:
        item = next(item for item in encoded if len(item) == longest).decode()
        raise FeatureError(f"the item id {item[:40]!r}... has {longest:,} bytes; ids may have {_LONGEST_ID:,} at most")
    return np.array(encoded, dtype=f"S{max(1, longest)}")


def _write_at(file: int, data: memoryview, place: int) -> None:
    while data:
        written = os.pwrite(file, data, place)
        data, place = data[written:], place + written


def _allocate(file: h5py.File, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Create a contiguous dataset with a fixed offset in the file, without writing data."""
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.CONTIGUOUS)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    properties.set_obj_track_times(False)
    space = h5py.h5s.create_simple(shape)
    h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(dtype), space, properties)
