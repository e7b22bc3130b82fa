"""Document frequencies of words, and inverse document frequency (IDF)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


@dataclass(frozen=True)
class DocumentFrequencies:
    """Document frequencies: the number of texts that contain each word.

    Source: [sparckjones1972].

    Attributes:
        texts: number of texts counted.
        items: word -> number of texts that contain it.

    Examples:
        >>> DocumentFrequencies(texts=3, items={"wool": 3, "hat": 1}).idf(["wool", "hat"]).round(3).tolist()
        [1.0, 1.693]
    """

    texts: int
    items: dict[str, int]

    @classmethod
    def of(cls, words: Sequence[str], counts: csr_array) -> "DocumentFrequencies":
        """Count the texts that contain each word.

        Args:
            words: distinct words, one per column of `counts`.
            counts: number of occurrences of each word in each text, [k, words]; a row may hold several entries of one word.
        """
        counts = counts.copy()
        counts.sum_duplicates()
        per_word = np.bincount(counts.indices, minlength=len(words)).tolist()
        return cls(counts.shape[0], dict(sorted(zip(words, per_word, strict=True))))

    def idf(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Return the IDF of words, ln((1 + texts) / (1 + texts with the word)) + 1 (scikit-learn's smooth IDF), [words]."""
        items = np.array([self.items.get(word, 0) for word in words], dtype=np.float64)
        return np.log((1 + self.texts) / (1 + items)) + 1

    def to_json(self) -> str:
        """Return the counts as JSON, the same text for the same counts."""
        return json.dumps({"texts": self.texts, "items": self.items}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "DocumentFrequencies":
        """Parse the text that `to_json` returned.

        Raises:
            ValueError: the text holds no document frequencies.
        """
        value = json.loads(text)
        if not isinstance(value, dict) or not isinstance(value["texts"], int) or not isinstance(value["items"], dict):
            raise ValueError("it holds no document frequencies")
        return cls(value["texts"], value["items"])
