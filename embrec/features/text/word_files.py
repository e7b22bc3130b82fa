"""Word vectors from files: word2vec's binary and text formats and GloVe's text format, optionally gzip-compressed.

A file is scanned once for its words and the positions of their vectors; vectors are read on demand, so that the 3.6 GB of
Google News need memory for an index, not for a table. A compressed file is first unpacked to a temporary file (in TMPDIR),
because it cannot be read at random.
"""

import gzip
import mmap
import shutil
import tempfile
import zlib
from array import array
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embrec.errors import FeatureError
from embrec.features.text.vocabulary import Vocabulary
from embrec.features.weights import hash_files

_BINARY, _TEXT = (".bin",), (".vec", ".txt")
_LONGEST_WORD = 10_000  # bytes; anything longer means that the reader has lost its position
_LARGEST_DIM = 100_000
_VALUES_AT_A_TIME = 2_000_000


class WordIndex(NamedTuple):
    """Positions of the vectors in a file.

    Attributes:
        row_of: word -> row; the first row of a word that occurs twice.
        starts: byte offset at which the vector of each row begins.
        ends: byte offset at which it ends; empty for a binary file, whose vectors have one size.
        dim: length of a vector.
        first_line: line number of row 0 in a text file.
    """

    row_of: dict[str, int]
    starts: Sequence[int]
    ends: Sequence[int]
    dim: int
    first_line: int = 1


class FileVectors(Vocabulary):
    """Word vectors in a file whose name ends in .bin (binary), .vec or .txt (text), optionally followed by .gz.

    A text file may begin with the line "words dimensions" (word2vec) or not (GloVe).

    Args:
        path: file of word vectors.

    Raises:
        FeatureError: the file name has another ending.
    """

    def __init__(self, path: Path) -> None:
        suffixes = [suffix.lower() for suffix in path.suffixes]
        self._compressed = suffixes[-1:] == [".gz"]
        kind = suffixes[-2] if self._compressed and len(suffixes) > 1 else "".join(suffixes[-1:])
        if kind not in _BINARY + _TEXT:
            raise FeatureError(
                f"{path}: word vectors are read from .bin (word2vec binary), .vec or .txt (word2vec or GloVe text), "
                "each also with .gz; give the file the ending of its format"
            )
        self._binary = kind in _BINARY
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    @cached_property
    def _bytes(self) -> mmap.mmap:
        try:
            with self._path.open("rb") as stream:
                if not self._compressed:
                    return _map(stream)
                with tempfile.TemporaryFile() as unpacked, gzip.open(stream) as packed:
                    shutil.copyfileobj(packed, unpacked, 1 << 20)
                    unpacked.flush()
                    return _map(unpacked)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FeatureError(f"{self}: the compressed data is damaged ({error}); get the file again") from None
        except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
            reason = getattr(error, "strerror", None) or "the file is empty"
            raise FeatureError(f"{self}: the word vectors cannot be read ({reason})") from None

    @cached_property
    def _index(self) -> WordIndex:
        self._bytes.seek(0)
        return (_index_binary if self._binary else _index_text)(self._bytes, str(self))

    @property
    def row_of(self) -> Mapping[str, int]:
        """Word -> row of its vector in the file."""
        return self._index.row_of

    @property
    def dim(self) -> int:
        """The length of a vector in the file."""
        return self._index.dim

    def rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Read rows of vectors from the file, [k, dim]."""
        read = self._read_binary if self._binary else self._read_text
        step = max(1, _VALUES_AT_A_TIME // self.dim)
        blocks = [read(rows[start : start + step]) for start in range(0, len(rows), step)]
        return np.concatenate([np.empty((0, self.dim), dtype=np.float32), *blocks])

    def _read_binary(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        starts = np.asarray(self._index.starts, dtype=np.int64)[rows]
        windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(self._bytes, np.uint8), 4 * self.dim)
        return windows[starts].view("<f4").astype(np.float32, copy=False)

    def _read_text(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        spans = [self._bytes[self._index.starts[row] : self._index.ends[row]] for row in rows.tolist()]
        try:
            return np.array(b" ".join(spans).split(), dtype=np.float32).reshape(len(rows), self.dim)
        except ValueError as error:
            broken = next(row for row, span in zip(rows, spans, strict=True) if not _are_numbers(span, self.dim))
            line = self._index.first_line + broken
            raise FeatureError(f"{self}, line {line:,}: {error}; the file is damaged") from None

    def weights_hash(self) -> str:
        """Hash the bytes of the file."""
        return self._weights_hash

    @cached_property
    def _weights_hash(self) -> str:
        return hash_files({self._path.name: self._path})


def _map(stream: BinaryIO) -> mmap.mmap:
    return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def _are_numbers(values: bytes, count: int) -> bool:
    try:
        return len(np.array(values.split(), dtype=np.float32)) == count
    except ValueError:
        return False


def _header(line: bytes) -> tuple[int, int] | None:
    """Parse the line "words dimensions"; return None for any other line."""
    fields = line.split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields):
        return None
    count, dim = map(int, fields)
    return (count, dim) if 0 < dim <= _LARGEST_DIM else None


def _index_binary(data: mmap.mmap, name: str) -> WordIndex:
    """Index a binary file: for each vector the word, a space, the float32 values, and from some writers a line end."""
    first = data[:100].partition(b"\n")[0]
    header = _header(first)
    if header is None:
        raise FeatureError(f"{name}: the first line is not 'words dimensions'; the file is no word2vec binary")
    count, dim = header
    place, width, size = len(first) + 1, 4 * dim, len(data)
    if count * (width + 2) > size:
        raise FeatureError(
            f"{name}: {size:,} bytes cannot hold {count:,} vectors of {dim:,} values; the file is incomplete"
        )
    row_of: dict[str, int] = {}
    starts = array("q")
    for row in range(count):
        space = data.find(b" ", place, place + _LONGEST_WORD)
        if space < 0 or space + 1 + width > size:
            problem = "the file ends inside" if place + width >= size else "there is no word before"
            raise FeatureError(
                f"{name}: {problem} vector {row + 1:,} of {count:,}, at byte {place:,}; get the file again"
            )
        row_of.setdefault(data[place:space].lstrip(b"\n").decode("utf-8", "replace"), row)
        starts.append(space + 1)
        place = space + 1 + width
    if data[place : place + 2].strip():
        raise FeatureError(
            f"{name}: the file goes on after its {count:,} vectors, at byte {place:,}; get the file again"
        )
    return WordIndex(row_of, starts, (), dim)


def _index_text(data: mmap.mmap, name: str) -> WordIndex:
    """Index a text file: in each line the last fields are the values; the word, which may contain spaces, precedes them."""
    header = _header(data.readline())
    count, dim = header or (None, 0)
    if header is None:
        data.seek(0)
    row_of: dict[str, int] = {}
    starts, ends = array("q"), array("q")
    place = data.tell()
    first_line = 1 if header is None else 2
    for number, line in enumerate(iter(data.readline, b""), start=first_line):
        text = line.rstrip()
        dim = dim or text.count(b" ")
        extra = text.count(b" ") - dim
        if extra < 0 or not dim:
            found = "no values" if not dim else f"{dim + extra:,} values where {dim:,} are expected"
            raise FeatureError(f"{name}, line {number:,}: {found}; the file is damaged or incomplete")
        word = text[: text.index(b" ")] if not extra else text.rsplit(None, dim)[0]
        row_of.setdefault(word.decode("utf-8", "replace"), len(starts))
        starts.append(place + len(word) + 1)
        place += len(line)
        ends.append(place)
    if count is not None and len(starts) != count:
        raise FeatureError(
            f"{name}: the first line promises {count:,} vectors, the file holds {len(starts):,}; get the file again"
        )
    return WordIndex(row_of, starts, ends, dim, first_line)
