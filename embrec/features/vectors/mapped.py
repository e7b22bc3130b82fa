"""Memory-mapped rows of an array in a file, read so that memory does not grow with the file."""

import mmap
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from embrec.errors import FeatureError

# Each of widely spaced rows may bring 64 kB around it into memory, which makes 64 MB.
_ROWS_AT_A_TIME = 1024


class MappedRows:
    """An array [n, d] in a file, whose rows are read in any order.

    Args:
        stream: open file; it may be closed afterwards.
        path: path of the file, for messages.
        dtype: type of the numbers in the file, in any byte order.
        shape: (n, d), both above zero.
        offset: number of bytes before the first number.
        strides: bytes from row to row and from column to column; None for contiguous rows.
        bfloat16: True if the numbers are bfloat16, which NumPy does not know; `dtype` is then a 16-bit integer.

    Raises:
        FeatureError: the file is shorter than the array.
    """

    def __init__(
        self,
        stream: IO[bytes],
        path: Path,
        dtype: DTypeLike,
        shape: tuple[int, int],
        offset: int = 0,
        strides: tuple[int, int] | None = None,
        *,
        bfloat16: bool = False,
    ) -> None:
        self.path = path
        self.shape = shape
        self._bfloat16 = bfloat16
        size = np.dtype(dtype).itemsize
        strides = strides or (shape[1] * size, size)
        self._end = offset + (shape[0] - 1) * strides[0] + (shape[1] - 1) * strides[1] + size
        there = os.fstat(stream.fileno()).st_size
        if there < self._end:
            raise FeatureError(f"{path} is cut short: it has {there:,} bytes of {self._end:,}; write or copy it again")
        self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self._array: NDArray[Any] = np.ndarray(shape, dtype, self._map, offset, strides)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def dim(self) -> int:
        """The length of a row, d."""
        return self.shape[1]

    @property
    def is_whole(self) -> bool:
        """True if the file holds integers."""
        return self._array.dtype.kind in "iu" and not self._bfloat16

    def take(self, rows: NDArray[np.integer], dtype: DTypeLike | None = None) -> NDArray[Any]:
        """Read rows as they are in the file, or converted.

        Args:
            rows: row numbers, [k].
            dtype: type of the result; that of the file if None.

        Returns:
            Rows, [k, d].

        Raises:
            FeatureError: the file was truncated after it was opened.
        """
        out = np.empty((len(rows), self.dim), dtype or self._array.dtype)
        for start in range(0, len(rows), _ROWS_AT_A_TIME):
            if self._map.size() < self._end:  # reading a mapped page beyond the end of the file would kill the process
                raise FeatureError(f"{self.path} was changed while it was being read; build again")
            block = slice(start, start + _ROWS_AT_A_TIME)
            with np.errstate(over="ignore", invalid="ignore"):
                out[block] = self._array[rows[block]]
            if hasattr(mmap, "MADV_DONTNEED"):
                self._map.madvise(mmap.MADV_DONTNEED)
        return out

    def read(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """Read rows as float32, [k, d]; numbers beyond its range become infinite."""
        if self._bfloat16:
            return (self.take(rows).astype(np.uint32) << 16).view(np.float32)
        return self.take(rows, np.float32)


def copy_rows(blocks: Iterable[NDArray[np.float32]], path: Path, folder: Path | None) -> MappedRows:
    """Copy blocks of rows to an unnamed temporary file, which vanishes with the rows, even if the process is killed.

    Args:
        blocks: arrays [k, d] with one d, at least one of them with rows.
        path: path of the file that they come from, for messages.
        folder: folder of the temporary file; the system's choice (TMPDIR) if None.

    Raises:
        FeatureError: the disk has no room for the copy.
    """
    count = dim = 0
    try:
        stream = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    except OSError as error:
        raise _no_room(path, folder, error) from None
    with stream:
        for block in blocks:
            count += len(block)
            dim = block.shape[1]
            try:
                stream.write(np.ascontiguousarray(block, dtype=np.float32).data)
                stream.flush()
            except OSError as error:
                raise _no_room(path, folder, error) from None
        return MappedRows(stream, path, np.float32, (count, dim))


def _no_room(path: Path, folder: Path | None, error: OSError) -> FeatureError:
    place = folder or tempfile.gettempdir()
    return FeatureError(
        f"no working copy of {path} could be written to {place} ({error.strerror}); "
        "make room there or set TMPDIR to a folder with room"
    )
