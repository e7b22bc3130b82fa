"""Skip-gram word vectors [mikolov2013], trained on the texts of a catalog with gensim."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embrec.errors import FeatureError, MissingExtraError
from embrec.features.text.vocabulary import Vocabulary, simple_words


class TrainedVectors(Vocabulary):
    """Trained word vectors in memory, saved as `words.json` and `words.npy`.

    Args:
        words: distinct words, the most frequent first, v of them.
        table: vector of each word, [v, dim].
    """

    def __init__(self, words: Sequence[str], table: NDArray[np.float32]) -> None:
        self._words = list(words)
        self._table = table
        self._row_of = {word: row for row, word in enumerate(self._words)}

    @classmethod
    def train(
        cls, texts: Sequence[str], *, dim: int, window: int, min_count: int, epochs: int, seed: int
    ) -> "TrainedVectors":
        """Train skip-gram vectors on lower-cased texts.

        The same texts in the same order give identical vectors on processors of one kind (others round sums differently, and
        training amplifies that). Training uses one thread, because gensim's threads race for the vectors they share.

        Args:
            texts: training texts.
            dim: length of a vector.
            window: number of words predicted on either side of a word.
            min_count: minimum number of occurrences of a word.
            epochs: passes over the texts.
            seed: seed of the initial vectors and of the sampling.

        Raises:
            FeatureError: no word occurs `min_count` times.
            MissingExtraError: gensim is not installed.
        """
        try:
            from gensim.models import Word2Vec
        except ImportError:
            raise MissingExtraError("gensim", "word2vec", "encoder 'word2vec' with the vectors 'catalog'") from None
        sentences = [words for text in texts if (words := simple_words(text.lower()))]
        counts = Counter(word for words in sentences for word in words)
        # By count, then alphabet: gensim orders equal counts differently by processor, and initial vectors follow the order.
        known = {
            word: -count
            for count, word in sorted((-counts[word], word) for word in counts if counts[word] >= min_count)
        }
        model = Word2Vec(
            vector_size=dim,
            window=window,
            min_count=min_count,
            epochs=epochs,
            seed=seed,
            sg=1,
            workers=1,
            sorted_vocab=0,
        )
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
        """Word -> row of the table, the most frequent first."""
        return self._row_of

    @property
    def dim(self) -> int:
        """The length of a vector, as trained."""
        return int(self._table.shape[1])

    def rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return rows of the table, [k, dim]."""
        return self._table[rows]

    def weights_hash(self) -> str:
        """Hash the words and the table."""
        digest = hashlib.sha256(json.dumps(self._words).encode())
        digest.update(self._table.tobytes())
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write `words.json` and `words.npy`."""
        (folder / "words.json").write_text(json.dumps(self._words, ensure_ascii=False), encoding="utf-8")
        np.save(folder / "words.npy", self._table, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> "TrainedVectors":
        """Read the files that `save` wrote.

        Raises:
            ValueError: the files do not belong together.
        """
        words = json.loads((folder / "words.json").read_text(encoding="utf-8"))
        table = np.load(folder / "words.npy", allow_pickle=False)
        if table.ndim != 2 or table.dtype != np.float32 or not isinstance(words, list) or len(table) != len(words):
            raise ValueError(f"words.npy holds {table.dtype} {table.shape}, not the vectors of words.json")
        return cls(words, table)
