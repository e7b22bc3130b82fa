"""The interface of an encoder: what turns the items of a catalog into vectors."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from embrec.data.catalog import Catalog

# A float32 array, or a SciPy CSR matrix, which has no types.
Vectors: TypeAlias = Any


class EncoderParams(BaseModel):
    """Base class of the parameters of encoders and transforms; an unknown parameter is an error.

    Attributes:
        speed_params: names of the parameters that change the speed but never the vectors, such as a batch size. They are not
            part of the identity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    speed_params: ClassVar[frozenset[str]] = frozenset()

    def identity(self) -> dict[str, Any]:
        """Return the parameters that the vectors depend on, as plain values."""
        return self.model_dump(mode="json", exclude=set(self.speed_params))


class Contents(NamedTuple):
    """The contents that an encoder reads from n items, as hashes.

    Attributes:
        fingerprints: hash of each item's content, uint8, [n, 16]; items with equal content get the same vector.
        filled: True where an item has content, [n].
        sizes: amount of content in any unit, such as characters, [n]; items of similar size are encoded together.
    """

    fingerprints: NDArray[np.uint8]
    filled: NDArray[np.bool_]
    sizes: NDArray[np.int64]


class Encoded(NamedTuple):
    """The vectors of k items.

    Attributes:
        vectors: vectors, [k, dim], zero where not present; dense, except from `Encoder.raw`, where they may be sparse.
        present: False where an item had nothing readable, [k].
        problems: row -> reason why its content could not be read.
    """

    vectors: Vectors
    present: NDArray[np.bool_]
    problems: Mapping[int, str]


class Encoder(ABC):
    """Turns the items of a catalog into vectors: text encoders, image encoders, and ready-made vectors.

    An encoder is either pretrained (stateless) or fitted once on a catalog. Its identity is its name, version, parameters and
    weights or fitted state; the same identity gives the same vectors. To add one, subclass this class and register it in
    `embrec.features.registry`.

    Attributes:
        name: name of the encoder in specs such as `tfidf:max_features=2000`.
        version: number bumped whenever the same parameters would produce different vectors.
        reads_versions: earlier versions whose saved encoders still produce the vectors they produced then, because only
            fitting changed, not encoding.
        block_rows: number of items per block; a killed build resumes after its last finished block.
        libraries: distributions whose versions a table records.
        keeps_vectors: True if encoding is slow, so that transforms read the vectors from a table of their own.
        sparse: True if `raw` returns sparse vectors.
        extra: extra of this package that the encoder needs, empty if none.
        params: parameters of the encoder.
        cache_folder: folder for caches that make the next look at the same items faster; None for no cache.
    """

    name: str
    version: int = 1
    reads_versions: frozenset[int] = frozenset()
    block_rows: int = 256
    libraries: tuple[str, ...] = ()
    keeps_vectors: ClassVar[bool] = True
    sparse: ClassVar[bool] = False
    extra: ClassVar[str] = ""
    params: EncoderParams
    cache_folder: Path | None = None

    @property
    def full_name(self) -> str:
        """The name followed by the names of the transforms, such as `tfidf+svd`; file names of tables begin with it."""
        return self.name

    @property
    def needs_fitting(self) -> bool:
        """True if `fit` must be called before `encode`."""
        return False

    @property
    def by_place(self) -> bool:
        """True if vectors are matched to items by their position in the catalog alone, not by item id."""
        return False

    @property
    @abstractmethod
    def dim(self) -> int:
        """The length of a vector."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type in which a table stores the vectors, float32 or float16."""
        return np.dtype(np.float32)

    @abstractmethod
    def contents(self, catalog: Catalog) -> Contents:
        """Return hashes and sizes of what this encoder reads from each item, without encoding it."""

    @abstractmethod
    def encode(self, catalog: Catalog) -> Encoded:
        """Encode all items of a (small) catalog.

        A vector does not depend on the other items of the catalog: bit for bit where that is affordable; encoders that run a
        network on batches may round differently in another batch, by less than `verify` tolerates.

        Args:
            catalog: items to encode, k of them.

        Returns:
            Vectors of the k items in the order of the catalog.
        """

    def raw(self, catalog: Catalog) -> Encoded:
        """Encode like `encode`, but possibly with sparse vectors; transforms read these."""
        return self.encode(catalog)

    def fit(self, catalog: Catalog) -> None:  # noqa: B027
        """Fit the encoder on a catalog; a pretrained encoder does nothing."""

    @abstractmethod
    def weights_hash(self) -> str:
        """Return a hash of the pretrained weights or the fitted state, as hexadecimal text."""

    def as_version(self, version: int) -> None:
        """Take the place of an earlier version, one of `reads_versions`, so that its tables keep their names."""
        self.version = version

    def describe(self) -> dict[str, Any]:
        """Return what `make_encoder` needs to rebuild this encoder, as plain values."""
        return {"name": self.name, "version": self.version, "params": self.params.model_dump(mode="json")}

    def save(self, folder: Path) -> None:
        """Write the description, and in subclasses the fitted state, to an existing folder (no pickle)."""
        text = json.dumps(self.describe(), indent=2)
        (folder / "encoder.json").write_text(text + "\n", encoding="utf-8")

    def load_state(self, folder: Path) -> None:  # noqa: B027
        """Read the fitted state that `save` wrote; encoders without state do nothing."""

    def identity(self) -> dict[str, Any]:
        """Return everything the vectors depend on besides the items, as plain values."""
        return {
            "name": self.name,
            "version": self.version,
            "params": self.params.identity(),
            "weights": self.weights_hash(),
        }

    @property
    def stem(self) -> str:
        """The file name of this encoder's tables without suffix: full name and a hash of the identity."""
        text = json.dumps(self.identity(), sort_keys=True)
        return f"{self.full_name}-{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"


def name_in_stem(stem: str) -> str:
    """Return the full name of an encoder, given the file name of its tables (`Encoder.stem`).

    >>> name_in_stem("tfidf+svd-0a1b2c3d")
    'tfidf+svd'
    """
    return stem.rpartition("-")[0]
