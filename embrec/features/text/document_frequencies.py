"""In how many items a word stands, and the weight that follows from it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


@dataclass(frozen=True)
class DocumentFrequencies:
    """Document frequencies of the words of some texts.

    Attributes:
        texts: how many texts were counted.
        items: word -> in how many of them it stands.
    """

    texts: int
    items: dict[str, int]

    @classmethod
    def of(cls, words: Sequence[str], counts: csr_array) -> "DocumentFrequencies":
        """Count the texts of each word.

        Args:
            words: the words of the columns.
            counts: how often each word stands in each text, [k, words], a word perhaps in several entries of a row.
        """
        counts = counts.copy()
        counts.sum_duplicates()
        per_word = np.bincount(counts.indices, minlength=len(words)).tolist()
        return cls(counts.shape[0], dict(sorted(zip(words, per_word, strict=True))))

    def idf(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Return ln((1 + texts) / (1 + items of the word)) + 1, as scikit-learn's smooth IDF; a new word weighs most."""
        items = np.array([self.items.get(word, 0) for word in words], dtype=np.float64)
        return np.log((1 + self.texts) / (1 + items)) + 1

    def to_json(self) -> str:
        """Return all of it as text, the same for the same counts."""
        return json.dumps({"texts": self.texts, "items": self.items}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "DocumentFrequencies":
        """Read what `to_json` wrote.

        Raises:
            ValueError: the text is no such thing.
        """
        value = json.loads(text)
        if not isinstance(value, dict) or not isinstance(value["texts"], int) or not isinstance(value["items"], dict):
            raise ValueError("it holds no document frequencies")
        return cls(value["texts"], value["items"])
