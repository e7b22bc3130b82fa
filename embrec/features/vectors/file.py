"""An opened file of vectors, with an index from item ids to rows."""

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
    """Index from ids to rows: a binary search that needs a few bytes per id.

    Args:
        ids: id of each row, null for a row without one, [n].

    Examples:
        >>> IdIndex(pl.Series(["b", None, "a"])).rows_of(pl.Series(["a", "c"])).tolist()
        [2, -1]
    """

    def __init__(self, ids: pl.Series) -> None:
        named = ids.is_not_null().arg_true()
        order = ids.gather(named).arg_sort()
        self._rows: NDArray[np.int64] = named.gather(order).to_numpy().astype(np.int64)
        self._sorted = ids.gather(self._rows)

    def __len__(self) -> int:
        return len(self._sorted)

    def rows_of(self, wanted: pl.Series) -> NDArray[np.int64]:
        """Return the row of each wanted id, -1 if it has none, [k]."""
        if not len(self) or not len(wanted):
            return np.full(len(wanted), -1, dtype=np.int64)
        places = self._sorted.search_sorted(wanted, side="left").to_numpy().clip(max=len(self) - 1)
        found = (self._sorted.gather(places) == wanted).to_numpy()
        return np.where(found, self._rows[places], -1)

    def repeats(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the pairs of rows with the same id, as two arrays [p]."""
        again = np.flatnonzero((self._sorted[1:] == self._sorted[:-1]).to_numpy())
        return self._rows[again], self._rows[again + 1]


@dataclass(frozen=True)
class VectorFile:
    """An opened file of vectors.

    Attributes:
        path: path of the file.
        rows: vectors, [n, d].
        ids: item id of each row, as text, null for a row without one, [n]; None if the rows are in catalog order.
        unit: word for a row in messages: row, record or line.
        first: number of the first row, counted in that unit.
        sources: all files that were read, so that changes can be detected later.
        columns: names of the d columns, if each number of a vector has its own; else empty.
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
        """The index from ids to rows.

        Raises:
            FeatureError: an id occurs twice with different vectors.
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
                    f"{self.path}: item {self.ids[rows[0]]!r} occurs twice with different vectors "
                    f"({self.place(rows[0])} and {self.place(rows[1])}); leave one out"
                )
        return index

    def place(self, row: int) -> str:
        """Return the position of a row in words, such as "line 12"."""
        return f"{self.unit} {row + self.first:,}"

    def require_finite(self, rows: Sequence[int] | NDArray[np.integer]) -> None:
        """Raise unless a list of bad rows is empty.

        Args:
            rows: rows that are not finite in float32, [k].

        Raises:
            FeatureError: there are such rows; the message names the first.
        """
        if len(rows):
            row = int(rows[0])
            item = "" if self.ids is None else f"item {self.ids[row]!r}, "
            raise FeatureError(
                f"{self.path}: {len(rows):,} of the items have a vector with NaN, infinity or a number beyond float32, "
                f"the first is {item}{self.place(row)}; correct these vectors or leave them out"
            )


def bad_rows(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the indices of the vectors, [k, d], that are not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(vectors.sum()):  # the usual case, which needs no second array
            return np.empty(0, dtype=np.int64)
    return np.flatnonzero(~np.isfinite(vectors).all(axis=1))
