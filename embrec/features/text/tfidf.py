"""TF-IDF over words and pairs of words: plain, fast, and in the paper better than ELMo everywhere (Fig. 11)."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from embrec.data.catalog import Catalog
from embrec.errors import FeatureError
from embrec.features.encoder import Contents, Encoded, Encoder
from embrec.features.text.texts import TextParams, item_texts, text_contents


class TfidfParams(TextParams):
    """Parameters of `TfidfEncoder`; the defaults are the paper's."""

    max_features: Annotated[int, Field(ge=1, description="the most frequent terms that are kept")] = 5000
    longest_term: Annotated[int, Field(ge=1, description="words a term: 2 = words and pairs of words")] = 2
    min_items: Annotated[int, Field(ge=1, description="items that a term must stand in")] = 1
    stop_words: Annotated[
        Literal["english"] | None, Field(description="leave out scikit-learn's list of common words")
    ] = None
    sublinear: Annotated[bool, Field(description="count a repeated term by 1 + the logarithm of its count")] = False
    fit_words: Annotated[
        int, Field(ge=1, description="words read for fitting, at most: beyond that, a random sample of the items")
    ] = 8_000_000


class TfidfEncoder(Encoder):
    """TF-IDF over words and pairs of words (scikit-learn), saved as vocabulary and inverse document frequencies.

    The vocabulary is chosen by count, then alphabet. scikit-learn's own `max_features` (and version 1 of this encoder) settles
    equal counts by a sort that is not stable, and so by the kind of processor.
    """

    name = "tfidf"
    version = 2
    reads_versions = frozenset({1})  # which had chosen other terms, and weighs them alike
    block_rows = 2048
    keeps_vectors: ClassVar[bool] = False
    sparse: ClassVar[bool] = True
    libraries = ("scikit-learn",)

    params: TfidfParams

    def __init__(self, **params: Any) -> None:
        self.params = TfidfParams(**params)
        self._vectorizer = TfidfVectorizer(**self._reading())

    def _reading(self) -> dict[str, Any]:
        """Return what decides which terms are seen in a text."""
        return {"ngram_range": (1, self.params.longest_term), "stop_words": self.params.stop_words}

    def _weigh(self, terms: Sequence[str], idf: NDArray[np.floating]) -> None:
        """Take these terms with these weights as what was learned."""
        self._vectorizer = TfidfVectorizer(
            **self._reading(),
            vocabulary={term: column for column, term in enumerate(terms)},
            sublinear_tf=self.params.sublinear,
            dtype=np.float32,
        )
        self._vectorizer.idf_ = idf

    @property
    def needs_fitting(self) -> bool:
        """True."""
        return True

    @property
    def dim(self) -> int:
        """The number of terms that were found, at most `max_features`."""
        return len(self._vectorizer.vocabulary_)

    def contents(self, catalog: Catalog) -> Contents:
        """Read the texts."""
        return text_contents(item_texts(catalog, self.params))

    def fit(self, catalog: Catalog) -> None:
        """Choose the terms and weigh them.

        Raises:
            FeatureError: the texts have no words.
        """
        texts = item_texts(catalog, self.params)
        texts = [texts[row] for row in _within([text.count(" ") + 1 for text in texts], self.params.fit_words)]
        nothing = FeatureError(
            f"encoder 'tfidf' finds no words in the {len(catalog):,} items that it is fitted on; "
            "check the text columns of the catalog"
        )
        counter = CountVectorizer(**self._reading(), dtype=np.int32)
        try:
            counts = counter.fit_transform(texts)  # [texts, terms], the terms in alphabetical order
        except ValueError:
            raise nothing from None
        in_texts = np.bincount(counts.indices, minlength=counts.shape[1])
        possible = np.flatnonzero(in_texts >= self.params.min_items)
        if not len(possible):
            raise nothing
        total = np.bincount(counts.indices, weights=counts.data, minlength=counts.shape[1])[possible]
        chosen = np.sort(possible[np.argsort(-total, kind="stable")[: self.params.max_features]])
        kept = np.isin(np.arange(counts.shape[1]), chosen).tolist()
        terms = sorted(term for term, column in counter.vocabulary_.items() if kept[column])
        # In double precision, since the last bits of a logarithm differ by processor; rounded, they are gone.
        idf = (np.log((1 + len(texts)) / (1 + in_texts[chosen])) + 1).astype(np.float32)
        self._weigh(terms, idf)

    def encode(self, catalog: Catalog) -> Encoded:
        """Weigh the terms of each text; a text without known terms has the zero vector but is present."""
        raw = self.raw(catalog)
        return raw._replace(vectors=raw.vectors.toarray())

    def raw(self, catalog: Catalog) -> Encoded:
        """Encode with sparse vectors."""
        texts = item_texts(catalog, self.params)
        return Encoded(self._vectorizer.transform(texts), np.array([bool(text) for text in texts], dtype=bool), {})

    def weights_hash(self) -> str:
        """Hash terms and weights."""
        digest = hashlib.blake2b(json.dumps(self._terms()).encode(), digest_size=16)
        digest.update(np.ascontiguousarray(self._vectorizer.idf_, dtype=np.float64).tobytes())
        return digest.hexdigest()

    def _terms(self) -> list[str]:
        vocabulary: dict[str, int] = self._vectorizer.vocabulary_
        return sorted(vocabulary, key=vocabulary.__getitem__)

    def save(self, folder: Path) -> None:
        """Write `terms.json` and `idf.npy` beside the parameters."""
        super().save(folder)
        (folder / "terms.json").write_text(json.dumps(self._terms(), ensure_ascii=False), encoding="utf-8")
        np.save(folder / "idf.npy", self._vectorizer.idf_, allow_pickle=False)

    def load_state(self, folder: Path) -> None:
        """Read what `save` wrote."""
        terms = json.loads((folder / "terms.json").read_text(encoding="utf-8"))
        idf = np.load(folder / "idf.npy", allow_pickle=False)
        if idf.shape != (len(terms),):
            raise ValueError(f"{len(terms)} terms, but weights of shape {idf.shape}")
        self._weigh(terms, idf)


def _within(sizes: Sequence[int], limit: int) -> NDArray[np.int64]:
    """Return the rows of a random sample whose sizes sum up to a limit, in their order; all if they fit.

    The terms of a text are held in memory while their vocabulary is counted, so that they must not be too many.
    """
    if sum(sizes) <= limit:
        return np.arange(len(sizes))
    order = np.random.default_rng(0).permutation(len(sizes))
    total = np.cumsum(np.asarray(sizes)[order])
    return np.sort(order[: max(1, int(np.searchsorted(total, limit, side="right")))])
