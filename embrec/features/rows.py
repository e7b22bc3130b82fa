"""Memory-mapped rows of a matrix on disk, the type of a feature table's vectors."""

import mmap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Rows:
    """A read-only matrix of vertically stacked memory maps, indexed by a slice, row numbers or a mask.

    Args:
        parts: matrices [n_i, d] with one d and one type, at least one.

    Attributes:
        shape: shape of the matrix, (n, d).
        dtype: type of its entries.

    Examples:
        >>> rows = Rows([np.zeros((2, 3)), np.ones((1, 3))])
        >>> rows[[2, 0]].tolist()
        [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """

    def __init__(self, parts: Sequence[NDArray[Any]]) -> None:
        self._parts = list(parts)
        self._starts = np.cumsum([0, *(len(part) for part in parts)])
        self.shape = (int(self._starts[-1]), self._parts[0].shape[1])
        self.dtype = self._parts[0].dtype

    @classmethod
    def of_file(cls, path: Path, dtype: Any, offset: int, shape: tuple[int, int]) -> "Rows":
        """Memory-map a matrix in a file.

        Args:
            path: file that holds the matrix.
            dtype: type of its entries.
            offset: byte at which the matrix begins.
            shape: shape of the matrix, (n, d).
        """
        empty = not (shape[0] and shape[1])
        return cls([np.zeros(shape, dtype) if empty else np.memmap(path, dtype, "r", offset, shape)])

    @classmethod
    def stacked(cls, parts: Sequence["Rows"]) -> "Rows":
        """Stack matrices vertically, without copying."""
        return cls([array for part in parts for array in part._parts])

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.shape[0] * self.shape[1]

    def __getitem__(self, rows: slice | int | NDArray[Any] | Sequence[int]) -> NDArray[Any]:
        """Return rows as a new array."""
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
        """Release the memory of pages that were read; they are read from the file again on demand."""
        for part in self._parts:
            mapped = getattr(part, "_mmap", None)
            if isinstance(mapped, mmap.mmap):
                mapped.madvise(mmap.MADV_DONTNEED)
