"""The encoder interface."""

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
    """Base of every encoder's parameters: unknown keys are errors.

    Attributes:
        speed_params: names of those that change how fast vectors come, never the vectors: they are no part of the identity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    speed_params: ClassVar[frozenset[str]] = frozenset()

    def identity(self) -> dict[str, Any]:
        """Return the parameters that vectors depend on, as plain values."""
        return self.model_dump(mode="json", exclude=set(self.speed_params))


class Contents(NamedTuple):
    """What an encoder reads of n items.

    Attributes:
        fingerprints: a hash of it, [n, 16]; items that agree get the same vector.
        filled: whether there is anything to read, [n].
        sizes: how much there is, in any unit; items of like size are encoded together, [n].
    """

    fingerprints: NDArray[np.uint8]
    filled: NDArray[np.bool_]
    sizes: NDArray[np.int64]


class Encoded(NamedTuple):
    """Vectors of k items.

    Attributes:
        vectors: [k, dim]; zero where not present. Only `Encoder.raw` returns sparse ones.
        present: False where there was nothing readable, [k].
        problems: row -> why it could not be read.
    """

    vectors: Vectors
    present: NDArray[np.bool_]
    problems: Mapping[int, str]


class Encoder(ABC):
    """Turns items into vectors.

    An encoder is stateless (pretrained) or is fitted once on a catalog. Its identity is its name, version, parameters and
    state: the same identity gives the same vectors.

    Attributes:
        name: by which users ask for it.
        version: raised whenever the same parameters begin to give other vectors.
        reads_versions: earlier versions whose saved encoders give today the vectors that they gave then: they differ in what
            they learned, not in what they do with it.
        block_rows: how many items a build encodes between two points from which it can be resumed.
        keeps_vectors: whether encoding is so slow that transforms of its vectors read them from a table of their own.
        sparse: whether `raw` gives sparse vectors.
        extra: the extra of this package that it needs; empty if none.
        libraries: distributions whose versions a table records.
        params: its parameters.
        cache_folder: where it may keep what makes the next look at the same items faster; nowhere if None.
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
        """The name with those of its transforms, such as `tfidf+svd`: how its tables begin."""
        return self.name

    @property
    def needs_fitting(self) -> bool:
        """Whether `fit` must be called before `encode`."""
        return False

    @property
    def by_place(self) -> bool:
        """Whether whose vectors it has follows from the items' places in the catalog alone."""
        return False

    @property
    @abstractmethod
    def dim(self) -> int:
        """The length of a vector."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """How a table stores the vectors, float32 or float16."""
        return np.dtype(np.float32)

    @abstractmethod
    def contents(self, catalog: Catalog) -> Contents:
        """Say what this encoder reads of each item."""

    @abstractmethod
    def encode(self, catalog: Catalog) -> Encoded:
        """Encode every item of a (small) catalog; a vector does not depend on which others are encoded with it.

        To the bit where that is affordable; encoders that read batches of texts or pictures may round differently in another
        batch, by less than `verify` tolerates.
        """

    def raw(self, catalog: Catalog) -> Encoded:
        """Encode like `encode`, but the vectors may be sparse: what transforms read."""
        return self.encode(catalog)

    def fit(self, catalog: Catalog) -> None:  # noqa: B027
        """Learn from a catalog what `encode` needs; encoders with nothing to learn do nothing."""

    @abstractmethod
    def weights_hash(self) -> str:
        """A hash of the pretrained weights or the fitted state, as hexadecimal text."""

    def as_version(self, version: int) -> None:
        """Stand for an earlier version, one of `reads_versions`: its name and that of its tables stay what they were."""
        self.version = version

    def describe(self) -> dict[str, Any]:
        """Return what `make_encoder` needs to make this encoder again, as plain values."""
        return {"name": self.name, "version": self.version, "params": self.params.model_dump(mode="json")}

    def save(self, folder: Path) -> None:
        """Write the description, and in subclasses the fitted state, to an existing folder, without pickle."""
        text = json.dumps(self.describe(), indent=2)
        (folder / "encoder.json").write_text(text + "\n", encoding="utf-8")

    def load_state(self, folder: Path) -> None:  # noqa: B027
        """Read the fitted state that `save` wrote; encoders without state do nothing."""

    def identity(self) -> dict[str, Any]:
        """Return what the vectors depend on besides the items, as plain values."""
        return {
            "name": self.name,
            "version": self.version,
            "params": self.params.identity(),
            "weights": self.weights_hash(),
        }

    @property
    def stem(self) -> str:
        """The file name of this encoder's tables: other parameters or weights are another table."""
        text = json.dumps(self.identity(), sort_keys=True)
        return f"{self.full_name}-{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"


def name_in_stem(stem: str) -> str:
    """Return the full name of an encoder from the file name of its tables, which `Encoder.stem` made.

    >>> name_in_stem("tfidf+svd-0a1b2c3d")
    'tfidf+svd'
    """
    return stem.rpartition("-")[0]
