"""Skip-gram word vectors (Mikolov et al. 2013) trained on the texts of a catalog, with gensim."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embrec.errors import FeatureError, MissingExtraError
from embrec.features.text.vocabulary import Vocabulary, parts


class TrainedVectors(Vocabulary):
    """Words and their vectors in memory, saved as `words.json` and `words.npy`."""

    def __init__(self, words: Sequence[str], table: NDArray[np.float32]) -> None:
        self._words = list(words)
        self._table = table
        self._row_of = {word: row for row, word in enumerate(self._words)}

    @classmethod
    def train(
        cls, texts: Sequence[str], *, dim: int, window: int, min_count: int, epochs: int, seed: int
    ) -> "TrainedVectors":
        """Train on texts, read in lower case; the same texts in the same order give the same vectors to the bit
        on processors of one kind (elsewhere sums are rounded in another order, and training builds on them).

        One thread only: gensim's threads race for the vectors that they share.

        Raises:
            FeatureError: no word stands often enough.
            MissingExtraError: gensim is not installed.
        """
        try:
            from gensim.models import Word2Vec
        except ImportError:
            raise MissingExtraError("gensim", "word2vec", "encoder 'word2vec' with the vectors 'catalog'") from None
        sentences = [words for text in texts if (words := parts(text.lower()))]
        counts = Counter(word for words in sentences for word in words)
        # By count, then alphabet: gensim's own order of equal counts, in which vectors begin, differs by kind of processor.
        known = {
            word: -count
            for count, word in sorted((-counts[word], word) for word in counts if counts[word] >= min_count)
        }
        model = Word2Vec(
            vector_size=dim, window=window, min_count=min_count, epochs=epochs, seed=seed, sg=1, workers=1, sorted_vocab=0
        )  # fmt: skip
        if not known:
            raise FeatureError(
                f"encoder 'word2vec' finds no word {min_count:,} times in the texts of the {len(texts):,} items that it is "
                "fitted on; check the text columns of the catalog, or lower min_count"
            )
        model.build_vocab_from_freq(known, corpus_count=len(sentences))
        model.train(sentences, total_examples=model.corpus_count, epochs=model.epochs)
        return cls(model.wv.index_to_key, np.ascontiguousarray(model.wv.vectors, dtype=np.float32))

    def __str__(self) -> str:
        return "the vectors trained on the catalog"

    @property
    def row_of(self) -> Mapping[str, int]:
        """Word -> row of the array, the most frequent first."""
        return self._row_of

    @property
    def dim(self) -> int:
        """As it was trained."""
        return int(self._table.shape[1])

    def rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Take rows of the array."""
        return self._table[rows]

    def weights_hash(self) -> str:
        """Hash words and array."""
        digest = hashlib.sha256(json.dumps(self._words).encode())
        digest.update(self._table.tobytes())
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write `words.json` and `words.npy`."""
        (folder / "words.json").write_text(json.dumps(self._words, ensure_ascii=False), encoding="utf-8")
        np.save(folder / "words.npy", self._table, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> "TrainedVectors":
        """Read what `save` wrote.

        Raises:
            ValueError: the files do not belong together.
        """
        words = json.loads((folder / "words.json").read_text(encoding="utf-8"))
        table = np.load(folder / "words.npy", allow_pickle=False)
        if table.ndim != 2 or table.dtype != np.float32 or not isinstance(words, list) or len(table) != len(words):
            raise ValueError(f"words.npy holds {table.dtype} {table.shape}, which are not the vectors of words.json")
        return cls(words, table)
