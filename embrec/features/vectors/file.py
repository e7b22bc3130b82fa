"""An opened file of vectors: which item is in which row, and what the rows hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.errors import FeatureError
from embrec.features.vectors.mapped import MappedRows


class IdIndex:
    """Finds the rows of ids by binary search, in a few bytes an id.

    Args:
        ids: of the rows, null for a row that is nobody's, [n].
    """

    def __init__(self, ids: pl.Series) -> None:
        named = ids.is_not_null().arg_true()
        order = ids.gather(named).arg_sort()
        self._rows: NDArray[np.int64] = named.gather(order).to_numpy().astype(np.int64)
        self._sorted = ids.gather(self._rows)

    def __len__(self) -> int:
        return len(self._sorted)

    def rows_of(self, wanted: pl.Series) -> NDArray[np.int64]:
        """Return the row of each wanted id, -1 where there is none, [k]."""
        if not len(self) or not len(wanted):
            return np.full(len(wanted), -1, dtype=np.int64)
        places = self._sorted.search_sorted(wanted, side="left").to_numpy().clip(max=len(self) - 1)
        found = (self._sorted.gather(places) == wanted).to_numpy()
        return np.where(found, self._rows[places], -1)

    def repeats(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return pairs of rows with the same id, two arrays [p]."""
        again = np.flatnonzero((self._sorted[1:] == self._sorted[:-1]).to_numpy())
        return self._rows[again], self._rows[again + 1]


@dataclass(frozen=True)
class VectorFile:
    """A file of vectors.

    Attributes:
        path: of the file.
        rows: the vectors, [n, d].
        ids: the item of each row, as text, null where a row is nobody's; None if the rows are in catalog order, [n].
        unit: what messages call a row: row, record or line.
        first: number of the first row in that unit.
        sources: every file that was read, to see later whether one has changed.
        columns: names of the numbers of a vector, where each has a column of its own; else empty.
    """

    path: Path
    rows: MappedRows
    ids: pl.Series | None
    unit: str = "row"
    first: int = 1
    sources: Sequence[Path] = ()
    columns: Sequence[str] = ()

    @cached_property
    def index(self) -> IdIndex:
        """The rows of the ids.

        Raises:
            FeatureError: an id stands twice, with different vectors.
        """
        assert self.ids is not None
        index = IdIndex(self.ids)
        one, other = index.repeats()
        for start in range(0, len(one), 1024):
            pair = one[start : start + 1024], other[start : start + 1024]
            differ = (self.rows.read(pair[0]) != self.rows.read(pair[1])).any(axis=1)
            if differ.any():
                rows = sorted(int(rows[np.argmax(differ)]) for rows in pair)
                raise FeatureError(
                    f"{self.path}: item {self.ids[rows[0]]!r} stands twice with different vectors "
                    f"({self.place(rows[0])} and {self.place(rows[1])}); leave one out"
                )
        return index

    def place(self, row: int) -> str:
        """Return where a row is, in words."""
        return f"{self.unit} {row + self.first:,}"

    def require_finite(self, rows: Sequence[int] | NDArray[np.integer]) -> None:
        """Raise if there are any of these rows, which hold something that is no finite float32.

        Raises:
            FeatureError: names the first.
        """
        if len(rows):
            row = int(rows[0])
            item = "" if self.ids is None else f"item {self.ids[row]!r}, "
            raise FeatureError(
                f"{self.path}: {len(rows):,} of the items have a vector with NaN, infinity or a number beyond float32, "
                f"the first is {item}{self.place(row)}; mend these vectors or leave them out"
            )


def bad_rows(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the rows that are not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(vectors.sum()):  # as a rule; it needs no second array
            return np.empty(0, dtype=np.int64)
    return np.flatnonzero(~np.isfinite(vectors).all(axis=1))
