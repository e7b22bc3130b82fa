"""The encoder interface, and the names by which encoders are asked for."""

import hashlib
import json
from abc import ABC, abstractmethod
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError


class EncoderParams(BaseModel):
    """Base of every encoder's parameters: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Encoder(ABC):
    """Turns items into vectors.

    An encoder is stateless (pretrained) or is fitted once on a catalog. Its identity is its name, version, parameters and
    state: the same identity gives the same vectors.

    Attributes:
        name: by which users ask for it.
        version: raised whenever the same parameters begin to give other vectors.
        params: its parameters.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    params: EncoderParams

    @property
    @abstractmethod
    def dim(self) -> int:
        """The length of a vector."""

    @abstractmethod
    def contents(self, catalog: Catalog) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return the fingerprint of what this encoder reads of each item, [n, 16], and whether there is anything, [n]."""

    @abstractmethod
    def encode(self, catalog: Catalog) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Encode every item of a (small) catalog.

        Returns:
            Vectors [k, dim], and a mask [k] that is False where an item turned out to have nothing readable; such a row is
            zero. The vector of an item does not depend on which others are encoded with it.
        """

    @property
    def needs_fitting(self) -> bool:
        """Whether `fit` must be called before `encode`."""
        return False

    def fit(self, catalog: Catalog) -> None:
        """Learn from a catalog what `encode` needs; encoders with nothing to learn do nothing."""

    @abstractmethod
    def weights_hash(self) -> str:
        """A hash of the pretrained weights or the fitted state, as hexadecimal text."""

    def save(self, folder: Path) -> None:
        """Write the parameters, and in subclasses the fitted state, to an existing folder, without pickle."""
        description = {"name": self.name, "version": self.version, "params": self.params.model_dump(mode="json")}
        (folder / "encoder.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")

    def load_state(self, folder: Path) -> None:
        """Read the fitted state that `save` wrote; encoders without state do nothing."""

    def identity(self) -> dict[str, Any]:
        """Return what the vectors depend on besides the items, as plain values."""
        return {
            "name": self.name,
            "version": self.version,
            "params": self.params.model_dump(mode="json"),
            "weights": self.weights_hash(),
        }


def identity_hash(identity: dict[str, Any]) -> str:
    """Return a short hash of an encoder's identity, for file names."""
    return hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=4).hexdigest()


# Named by module so that asking for TF-IDF does not import a transformer.
ENCODERS: dict[str, str] = {
    "tfidf": "embrec.features.text.tfidf:TfidfEncoder",
    "minilm": "embrec.features.text.minilm:MiniLMEncoder",
    "efficientnet-lite0": "embrec.features.image.efficientnet_lite:EfficientNetLiteEncoder",
}


def make_encoder(name: str, params: dict[str, Any] | None = None) -> Encoder:
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
        ConfigError: it was written by another version of the encoder.
    """
    description = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
    encoder = make_encoder(description["name"], description["params"])
    if encoder.version != description["version"]:
        raise ConfigError(
            f"{folder}: encoder {encoder.name!r} version {description['version']} cannot be used by this version of embrec "
            f"({encoder.version}); build the features again"
        )
    encoder.load_state(folder)
    return encoder
