"""The encoder interface, and the names by which encoders are asked for."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError, FeatureError


class EncoderParams(BaseModel):
    """Base of every encoder's parameters: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
        vectors: [k, dim]; zero where not present.
        present: False where there was nothing readable, [k].
        problems: row -> why it could not be read.
    """

    vectors: NDArray[np.float32]
    present: NDArray[np.bool_]
    problems: Mapping[int, str]


class Encoder(ABC):
    """Turns items into vectors.

    An encoder is stateless (pretrained) or is fitted once on a catalog. Its identity is its name, version, parameters and
    state: the same identity gives the same vectors.

    Attributes:
        name: by which users ask for it.
        version: raised whenever the same parameters begin to give other vectors.
        block_rows: how many items a build encodes between two points from which it can be resumed.
        needs_fitting: whether `fit` must be called before `encode`.
        libraries: distributions whose versions a table records.
        params: its parameters.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    block_rows: ClassVar[int] = 256
    needs_fitting: ClassVar[bool] = False
    libraries: ClassVar[tuple[str, ...]] = ()
    params: EncoderParams

    @property
    @abstractmethod
    def dim(self) -> int:
        """The length of a vector."""

    @abstractmethod
    def contents(self, catalog: Catalog) -> Contents:
        """Say what this encoder reads of each item."""

    @abstractmethod
    def encode(self, catalog: Catalog) -> Encoded:
        """Encode every item of a (small) catalog; a vector does not depend on which others are encoded with it."""

    def fit(self, catalog: Catalog) -> None:  # noqa: B027
        """Learn from a catalog what `encode` needs; encoders with nothing to learn do nothing."""

    @abstractmethod
    def weights_hash(self) -> str:
        """A hash of the pretrained weights or the fitted state, as hexadecimal text."""

    def save(self, folder: Path) -> None:
        """Write the parameters, and in subclasses the fitted state, to an existing folder, without pickle."""
        description = {"name": self.name, "version": self.version, "params": self.params.model_dump(mode="json")}
        (folder / "encoder.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")

    def load_state(self, folder: Path) -> None:  # noqa: B027
        """Read the fitted state that `save` wrote; encoders without state do nothing."""

    def identity(self) -> dict[str, Any]:
        """Return what the vectors depend on besides the items, as plain values."""
        return {
            "name": self.name,
            "version": self.version,
            "params": self.params.model_dump(mode="json"),
            "weights": self.weights_hash(),
        }

    @property
    def stem(self) -> str:
        """The file name of this encoder's tables: other parameters or weights are another table."""
        text = json.dumps(self.identity(), sort_keys=True)
        return f"{self.name}-{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"


# Named by module so that asking for TF-IDF does not import a transformer.
ENCODERS: dict[str, str] = {
    "tfidf": "embrec.features.text.tfidf:TfidfEncoder",
    "minilm": "embrec.features.text.transformer:MiniLMEncoder",
    "efficientnet-lite0": "embrec.features.image.efficientnet_lite:EfficientNetLiteEncoder",
}


def make_encoder(name: str, params: Mapping[str, Any] | None = None) -> Encoder:
    """Return a new encoder.

    Raises:
        ConfigError: no encoder has that name, or a parameter is unknown or out of range.
        MissingExtraError: its packages are not installed.
    """
    if name not in ENCODERS:
        raise ConfigError(f"unknown encoder {name!r}; there are: {', '.join(sorted(ENCODERS))}")
    module, _, cls = ENCODERS[name].partition(":")
    try:
        encoder: Encoder = getattr(import_module(module), cls)(**(params or {}))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"encoder {name!r}, parameter {key!r}: {first['msg']}") from None
    return encoder


def load_encoder(folder: Path) -> Encoder:
    """Return the encoder that `Encoder.save` wrote to a folder, ready to encode.

    Raises:
        FeatureError: the folder holds no encoder, a damaged one, or one of another version.
        MissingExtraError: its packages are not installed.
    """
    try:
        description = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
        encoder = make_encoder(description["name"], description["params"])
        written = description["version"]
    except (OSError, ValueError, KeyError, TypeError, ConfigError) as error:
        raise _unusable(folder, error) from None
    if encoder.version != written:
        raise FeatureError(
            f"{folder}: encoder {encoder.name!r} version {written} cannot be used by this version of "
            f"embrec ({encoder.version}); build the features and train again"
        )
    try:
        encoder.load_state(folder)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise _unusable(folder, error) from None
    return encoder


def _unusable(folder: Path, error: Exception) -> FeatureError:
    return FeatureError(f"{folder} holds no usable encoder ({error}); build the features and train again")


def unloadable(path: Path, what: str, error: Exception) -> FeatureError:
    """Return the error that says in one line that weights, or another part of a pretrained model, cannot be loaded."""
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return FeatureError(f"{path}: the {what} cannot be loaded ({reason}); install the package again")
