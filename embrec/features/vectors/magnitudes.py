"""Check of the magnitudes of vectors: detects bytes read as another type, and columns that are not part of a vector."""

import numpy as np
from numpy.typing import NDArray

from embrec.errors import FeatureError
from embrec.features.vectors.file import VectorFile

# Bytes of another type or order, read as floats, have arbitrary exponents: one number in three is beyond these limits.
_LARGEST, _SMALLEST = 1e12, 1e-20
# The bits of a negative half or bfloat16, read as an unsigned integer, are at least this.
_LARGEST_WHOLE = 1 << 15
# A column with numbers this large, and this many times as large as those of the others, is an id, a time or a count.
_LARGE, _APART = 1e5, 1e3
# Names that other programs give to a column of row numbers.
_INDEX_NAMES = frozenset({"", "index", "level_0", "__index_level_0__"})


class Magnitudes:
    """The largest magnitude in each column of a file of vectors.

    Args:
        file: file whose rows are checked.
    """

    def __init__(self, file: VectorFile) -> None:
        self.file = file
        self._top = np.zeros(file.rows.dim, dtype=np.float32)
        self._counts = {
            place: True
            for place, name in enumerate(file.columns)
            if name in _INDEX_NAMES or name.startswith("Unnamed: ")
        }
        self._seen = 0

    def look(self, rows: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Update the magnitudes with some rows of the file, [k], and their vectors, [k, d]."""
        if not len(rows):
            return
        np.maximum(self._top, vectors.max(axis=0), out=self._top)
        np.maximum(self._top, -vectors.min(axis=0), out=self._top)
        self._seen += len(rows)
        for place in self._counts:
            off = vectors[:, place] - rows
            self._counts[place] &= bool((off == off[0]).all()) and off[0] in (0, 1)

    def check(self) -> None:
        """Raise if some numbers cannot be part of an embedding.

        Raises:
            FeatureError: the message says which numbers, and what they probably are.
        """
        path, top = self.file.path, self._top
        highest = float(top.max())
        if highest > _LARGEST or 0 < highest < _SMALLEST:
            how = "as large as" if highest > 1 else "no larger than"
            raise FeatureError(
                f"{path}: the numbers are {how} {highest:.1e} ({self._where(int(top.argmax()))}), which no embedding has; "
                "most likely they are bytes of another type, byte order or format: write them again as float32"
            )
        if self.file.rows.is_whole and highest >= _LARGEST_WHOLE:
            raise FeatureError(
                f"{path}: the vectors are whole numbers as large as {highest:,.0f} ({self._where(int(top.argmax()))}): most "
                "likely they are the bits of numbers of another type, such as bfloat16 kept as uint16; write them as float32"
            )
        for place, counts in self._counts.items():
            if counts and self._seen > 1:
                raise FeatureError(
                    f"{path}: {self._where(place)} only counts the rows and is not part of the vectors; write the file "
                    "without it (with pandas: index=False)"
                )
        if len(top) < 2:
            return
        place = int(top.argmax())
        others = float(np.median(np.delete(top, place)))
        if highest >= _LARGE and highest >= _APART * others:
            raise FeatureError(
                f"{path}: {self._where(place)} has numbers as large as {highest:,.0f}, the others of the vectors stay about "
                f"{others:.3g}: it looks like an id, a time or a count, and would drown the rest; write the file without it"
            )

    def _where(self, place: int) -> str:
        columns = self.file.columns
        return f"column {columns[place]!r}" if columns else f"number {place + 1:,} of the vectors"
