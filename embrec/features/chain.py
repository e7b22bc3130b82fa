"""Chains: an encoder followed by transforms of its vectors, used like a single encoder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError, FeatureError
from embrec.features.encoder import Contents, Encoded, Encoder, Vectors
from embrec.features.table import FeatureTable
from embrec.features.transforms import Transform, fitting_sample


class Chain(Encoder):
    """An encoder followed by transforms; items that cannot be read keep the zero vector.

    Args:
        base: encoder whose vectors are transformed.
        transforms: transforms in order of application, at least one.

    Raises:
        ConfigError: half precision comes before another transform.

    Examples:
        >>> from embrec.features.registry import make_encoder
        >>> make_encoder("minilm+whiten:dim=128+l2").full_name
        'minilm+whiten+l2'
    """

    def __init__(self, base: Encoder, transforms: Sequence[Transform]) -> None:
        if any(transform.dtype != np.float32 for transform in transforms[:-1]):
            raise ConfigError("transform 'half' must be the last one: the others compute in single precision")
        self.base = base
        self.transforms = tuple(transforms)
        self.params = base.params
        self.cache_folder = base.cache_folder
        self.name = base.name
        self.version = base.version
        self.reads_versions = base.reads_versions
        self.block_rows = base.block_rows
        self.libraries = tuple(dict.fromkeys((*base.libraries, "scikit-learn")))

    @property
    def full_name(self) -> str:
        """The names of the encoder and the transforms, such as `tfidf+svd`."""
        return "+".join((self.base.name, *(transform.name for transform in self.transforms)))

    @property
    def needs_fitting(self) -> bool:
        """True if the encoder or a transform must be fitted."""
        return self.base.needs_fitting or any(transform.fitted for transform in self.transforms)

    @property
    def by_place(self) -> bool:
        """True if the encoder matches vectors to items by their position in the catalog."""
        return self.base.by_place

    @property
    def dim(self) -> int:
        """The length of a vector after the last transform."""
        dim = self.base.dim
        for transform in self.transforms:
            dim = transform.out_dim(dim)
        return dim

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type in which the last transform stores vectors."""
        return self.transforms[-1].dtype

    def contents(self, catalog: Catalog) -> Contents:
        """Return the contents that the encoder reads."""
        self.base.cache_folder = self.cache_folder
        return self.base.contents(catalog)

    def fit(self, catalog: Catalog) -> None:
        """Fit the encoder, then each transform on the vectors that reach it."""
        if self.base.needs_fitting:
            self.base.fit(catalog)
        raw = self.base.raw(catalog.select(fitting_sample(len(catalog), None if self.base.sparse else self.base.dim)))
        self._fit_transforms(raw.vectors[np.flatnonzero(raw.present)])

    def fit_on_table(self, base: FeatureTable, rows: NDArray[np.int64]) -> None:
        """Fit the transforms on a table of the encoder's vectors; the encoder itself is already fitted.

        Args:
            base: table of the encoder's vectors.
            rows: rows of the items that may be fitted on, [m].
        """
        rows = rows[base.present[rows]]
        self._fit_transforms(base.vectors[rows[fitting_sample(len(rows), base.dim)]].astype(np.float32, copy=False))
        base.vectors.forget()

    def _fit_transforms(self, vectors: Vectors) -> None:
        if not vectors.shape[0]:
            raise FeatureError(
                f"encoder {self.full_name!r} finds nothing to read in any of the items that it is fitted on; "
                "check the text columns or images of the catalog"
            )
        for transform in self.transforms:
            if transform.fitted:
                transform.fit(vectors)
            vectors = transform.apply(vectors)

    def encode(self, catalog: Catalog) -> Encoded:
        """Encode items and transform their vectors."""
        raw = self.base.raw(catalog)
        return raw._replace(vectors=self.transform(raw.vectors, raw.present))

    def transform(self, vectors: Vectors, present: NDArray[np.bool_]) -> NDArray[Any]:
        """Apply the transforms to vectors of the encoder.

        Args:
            vectors: vectors of the encoder, dense or sparse, [k, d].
            present: False where an item has no vector, [k].

        Returns:
            Transformed vectors, zero where not present, [k, dim].
        """
        for transform in self.transforms:
            vectors = transform.apply(vectors)
        vectors[~present] = 0
        return vectors

    def as_version(self, version: int) -> None:
        """Take the place of an earlier version of the encoder."""
        super().as_version(version)
        self.base.as_version(version)

    def weights_hash(self) -> str:
        """Return the hash of the encoder's weights; `identity` has those of the transforms."""
        return self.base.weights_hash()

    def identity(self) -> dict[str, Any]:
        """Return the identities of the encoder and of each transform."""
        return {**self.base.identity(), "transforms": [transform.identity() for transform in self.transforms]}

    def describe(self) -> dict[str, Any]:
        """Return what `make_encoder` needs to rebuild this chain, as plain values."""
        steps = [
            {"name": step.name, "version": step.version, "params": step.params.model_dump(mode="json")}
            for step in self.transforms
        ]
        return {**self.base.describe(), "transforms": steps}

    def save(self, folder: Path) -> None:
        """Write the encoder's files, the fitted state of the transforms in `transforms.safetensors`, and the description."""
        self.base.save(folder)
        arrays = {
            f"{number}.{key}": np.ascontiguousarray(value)
            for number, transform in enumerate(self.transforms)
            for key, value in transform.state.items()
        }
        save_file(arrays, folder / "transforms.safetensors")
        super().save(folder)

    def load_state(self, folder: Path) -> None:
        """Read the files that `save` wrote.

        Raises:
            ValueError: the state of a transform is missing or damaged.
        """
        self.base.load_state(folder)
        try:
            arrays = load_file(folder / "transforms.safetensors")
        except Exception as error:  # safetensors raises an exception of its own
            raise ValueError(str(error)) from None
        for number, transform in enumerate(self.transforms):
            keys = [key for key in arrays if key.startswith(f"{number}.")]
            if transform.fitted and not keys:
                raise ValueError(f"transforms.safetensors has no state of transform {transform.name!r}")
            transform.state = {key.partition(".")[2]: arrays[key] for key in keys}
