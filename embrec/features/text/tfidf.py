"""The TF-IDF encoder: word counts weighted by inverse document frequency."""

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
    """Parameters of `TfidfEncoder`; the defaults are those of [semikin2019]."""

    max_features: Annotated[int, Field(ge=1, description="the most frequent terms kept, at most this many")] = 5000
    longest_term: Annotated[int, Field(ge=1, description="words per term: 2 = words and pairs of words")] = 2
    min_items: Annotated[int, Field(ge=1, description="minimum number of items that contain a term")] = 1
    stop_words: Annotated[
        Literal["english"] | None, Field(description="english: leave out scikit-learn's list of common words")
    ] = None
    sublinear: Annotated[bool, Field(description="replace a term's count by 1 + log(count)")] = False
    fit_words: Annotated[
        int, Field(ge=1, description="words read for fitting; beyond that, a random sample of the items is read")
    ] = 8_000_000


class TfidfEncoder(Encoder):
    """TF-IDF over words and pairs of words (scikit-learn).

    Each text becomes a vector with one entry per term of the vocabulary, the `max_features` most frequent words and pairs of
    words of the items the encoder is fitted on. Over n texts, the entry of term t in text x is

        count(t, x) * (ln((1 + n) / (1 + texts with t)) + 1),

    and the vector is then divided by its length. Use it first: it is fast, needs no pretrained weights, and beats ELMo on
    all data sets of [semikin2019] (Fig. 11). It does not know synonyms; sentence encoders (`minilm`, `bert`) do. The vectors
    are long and sparse, so `+svd` (latent semantic analysis) often follows.

    Terms of equal count are chosen in alphabetical order. scikit-learn's own `max_features` (and version 1 of this encoder)
    breaks such ties by an unstable sort, which depends on the kind of processor.

    Source: [sparckjones1972], [salton1988].

    Examples:
        >>> import polars as pl
        >>> from embrec.data.catalog import Catalog
        >>> catalog = Catalog(pl.DataFrame({"item": ["a", "b"], "title": ["red wool scarf", "blue wool hat"]}))
        >>> encoder = TfidfEncoder(longest_term=1)
        >>> encoder.fit(catalog)
        >>> encoder.encode(catalog).vectors.round(2)
        array([[0.  , 0.  , 0.63, 0.63, 0.45],
               [0.63, 0.63, 0.  , 0.  , 0.45]], dtype=float32)
    """

    name = "tfidf"
    version = 2
    reads_versions = frozenset({1})  # it chose other terms, but weighs them the same way
    block_rows = 2048
    keeps_vectors: ClassVar[bool] = False
    sparse: ClassVar[bool] = True
    libraries = ("scikit-learn",)

    params: TfidfParams

    def __init__(self, **params: Any) -> None:
        self.params = TfidfParams(**params)
        self._vectorizer = TfidfVectorizer(**self._reading())

    def _reading(self) -> dict[str, Any]:
        """Return the settings that decide which terms a text has."""
        return {"ngram_range": (1, self.params.longest_term), "stop_words": self.params.stop_words}

    def _weigh(self, terms: Sequence[str], idf: NDArray[np.floating]) -> None:
        """Set the fitted state: terms and their inverse document frequencies."""
        self._vectorizer = TfidfVectorizer(
            **self._reading(),
            vocabulary={term: column for column, term in enumerate(terms)},
            sublinear_tf=self.params.sublinear,
            dtype=np.float32,
        )
        self._vectorizer.idf_ = idf

    @property
    def needs_fitting(self) -> bool:
        """True: the vocabulary is counted."""
        return True

    @property
    def dim(self) -> int:
        """The number of terms, at most `max_features`."""
        return len(self._vectorizer.vocabulary_)

    def contents(self, catalog: Catalog) -> Contents:
        """Hash the texts."""
        return text_contents(item_texts(catalog, self.params))

    def fit(self, catalog: Catalog) -> None:
        """Choose the terms and compute their inverse document frequencies.

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
        # In double precision, because the last bits of a logarithm differ by processor; rounding to float32 drops them.
        idf = (np.log((1 + len(texts)) / (1 + in_texts[chosen])) + 1).astype(np.float32)
        self._weigh(terms, idf)

    def encode(self, catalog: Catalog) -> Encoded:
        """Weight the terms of each text; a text without known terms has the zero vector but is present."""
        raw = self.raw(catalog)
        return raw._replace(vectors=raw.vectors.toarray())

    def raw(self, catalog: Catalog) -> Encoded:
        """Encode to sparse vectors, a SciPy CSR matrix."""
        texts = item_texts(catalog, self.params)
        return Encoded(self._vectorizer.transform(texts), np.array([bool(text) for text in texts], dtype=bool), {})

    def weights_hash(self) -> str:
        """Hash the terms and their weights."""
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
        """Read the terms and weights that `save` wrote.

        Raises:
            ValueError: the files do not belong together.
        """
        terms = json.loads((folder / "terms.json").read_text(encoding="utf-8"))
        idf = np.load(folder / "idf.npy", allow_pickle=False)
        if idf.shape != (len(terms),):
            raise ValueError(f"{len(terms)} terms, but weights of shape {idf.shape}")
        self._weigh(terms, idf)


def _within(sizes: Sequence[int], limit: int) -> NDArray[np.int64]:
    """Return the rows of a random sample whose sizes sum to at most `limit`, ascending; all rows if they fit.

    Counting the vocabulary holds all terms of the texts in memory, so their number is bounded.
    """
    if sum(sizes) <= limit:
        return np.arange(len(sizes))
    order = np.random.default_rng(0).permutation(len(sizes))
    total = np.cumsum(np.asarray(sizes)[order])
    return np.sort(order[: max(1, int(np.searchsorted(total, limit, side="right")))])
