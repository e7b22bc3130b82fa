"""Rows of a matrix on disk, read when asked for: what a table gives as its vectors."""

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Rows:
    """A read-only matrix of one or several memory maps below each other, indexed by a slice of rows or by row numbers.

    Attributes:
        shape: (n, d).
        dtype: of its entries.
    """

    def __init__(self, parts: Sequence[NDArray[Any]]) -> None:
        self._parts = list(parts)
        self._starts = np.cumsum([0, *(len(part) for part in parts)])
        self.shape = (int(self._starts[-1]), self._parts[0].shape[1])
        self.dtype = self._parts[0].dtype

    @classmethod
    def of_file(cls, path: Path, dtype: Any, offset: int, shape: tuple[int, int]) -> "Rows":
        """Map a matrix that begins at some byte of a file."""
        empty = not (shape[0] and shape[1])
        return cls([np.zeros(shape, dtype) if empty else np.memmap(path, dtype, "r", offset, shape)])

    @classmethod
    def stacked(cls, parts: Sequence["Rows"]) -> "Rows":
        """Return matrices below each other."""
        return cls([array for part in parts for array in part._parts])

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.shape[0] * self.shape[1]

    def __getitem__(self, rows: slice | int | NDArray[Any] | Sequence[int]) -> NDArray[Any]:
        """Return some rows as an array of its own."""
        if isinstance(rows, int | np.integer):
            return self[np.array([rows])][0]
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step != 1:
                return self[np.arange(start, stop, step)]
            pieces = [
                part[max(0, start - first) : max(0, stop - first)]
                for part, first in zip(self._parts, self._starts, strict=False)
                if start < first + len(part) and stop > first
            ]
            if not pieces:
                return np.zeros((0, self.shape[1]), dtype=self.dtype)
            return np.concatenate(pieces) if len(pieces) > 1 else np.array(pieces[0])
        wanted = np.asarray(rows)
        if wanted.dtype == bool:
            wanted = np.flatnonzero(wanted)
        wanted = np.where(wanted < 0, wanted + len(self), wanted).astype(np.int64)
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < len(self):
            raise IndexError(f"row {wanted.max()} of {len(self)}")
        if len(self._parts) == 1:
            return np.asarray(self._parts[0][wanted])
        result = np.empty((len(wanted), self.shape[1]), dtype=self.dtype)
        owner = np.searchsorted(self._starts, wanted, side="right") - 1
        for number, part in enumerate(self._parts):
            mine = np.flatnonzero(owner == number)
            result[mine] = part[wanted[mine] - self._starts[number]]
        return result

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the whole matrix in memory."""
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def forget(self) -> None:
        """Give back the memory of pages that were read; they come again from the file when asked for."""
        for part in self._parts:
            mapped = getattr(part, "_mmap", None)
            if isinstance(mapped, mmap.mmap):
                mapped.madvise(mmap.MADV_DONTNEED)
