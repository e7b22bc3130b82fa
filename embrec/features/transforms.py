"""What may be done to vectors before they are stored: fewer dimensions, whitening, unit length, half precision.

A transform is saved with the encoder whose vectors it changes, so that a new item goes through the very same chain. What
becomes of a vector depends on the vector and on what was learned alone, to the bit: not on the vectors beside it, nor on the
processor. (What is learned may differ in its last digits by processor.)
"""

import hashlib
from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse import issparse

from embrec.features.encoder import EncoderParams, Vectors
from embrec.features.products import steady_product

# Beyond these, transforms are fitted on a random sample of the vectors, so that memory does not grow with the catalog.
_FIT_ITEMS = 100_000
_FIT_BYTES = 1 << 27


def fitting_sample(n: int, dense_dim: int | None) -> NDArray[np.int64]:
    """Return which of n vectors to fit on, in their order: all, or a random sample.

    Args:
        n: how many there are.
        dense_dim: the length of dense vectors; None for sparse ones.
    """
    most = _FIT_ITEMS if dense_dim is None else min(_FIT_ITEMS, max(1, _FIT_BYTES // (4 * max(1, dense_dim))))
    return np.arange(n) if n <= most else np.sort(np.random.default_rng(0).choice(n, most, replace=False))


class Transform(ABC):
    """Turns vectors into other vectors, row by row.

    Attributes:
        name: by which users ask for it.
        version: raised whenever the same parameters begin to give other vectors.
        fitted: whether it learns from the vectors of training items.
        params: its parameters.
        state: what it has learned, name -> array.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    fitted: ClassVar[bool] = False
    params: EncoderParams
    state: dict[str, NDArray[np.float32]]

    def __init__(self) -> None:
        self.params = EncoderParams()
        self.state = {}

    def fit(self, vectors: Vectors) -> None:  # noqa: B027
        """Learn from vectors, [m, d]; transforms with nothing to learn do nothing."""

    def out_dim(self, dim: int) -> int:
        """Return the length of its vectors, given that of those it reads."""
        return dim

    @property
    def dtype(self) -> np.dtype[Any]:
        """How its vectors are stored."""
        return np.dtype(np.float32)

    @abstractmethod
    def apply(self, vectors: Vectors) -> NDArray[Any]:
        """Return the transformed vectors, [k, out_dim]."""

    def identity(self) -> dict[str, Any]:
        """Return what its result depends on besides the vectors, as plain values."""
        digest = hashlib.blake2b(digest_size=16)
        for key in sorted(self.state):
            digest.update(key.encode() + np.ascontiguousarray(self.state[key]).tobytes())
        return {
            "name": self.name,
            "version": self.version,
            "params": self.params.identity(),
            "weights": digest.hexdigest() if self.state else "",
        }


class DimParams(EncoderParams):
    """How many dimensions are kept."""

    dim: Annotated[int, Field(ge=1, description="dimensions kept, at most")] = 250


class SVD(Transform):
    """The strongest directions of the vectors as they are (latent semantic analysis); reads sparse vectors as well.

    scikit-learn's `TruncatedSVD` with the paper's 250 components and seed.
    """

    name: ClassVar[str] = "svd"
    fitted: ClassVar[bool] = True
    params: DimParams

    def __init__(self, **params: Any) -> None:
        super().__init__()
        self.params = DimParams(**params)

    def fit(self, vectors: Vectors) -> None:
        """Find the directions."""
        from sklearn.decomposition import TruncatedSVD

        count = min(self.params.dim, vectors.shape[1], vectors.shape[0])
        model = TruncatedSVD(count, random_state=42).fit(vectors)
        self.state = {"components": model.components_.astype(np.float32)}

    def out_dim(self, dim: int) -> int:
        """Return the number of directions that were found."""
        return len(self.state["components"])

    def apply(self, vectors: Vectors) -> NDArray[Any]:
        """Project the vectors."""
        directions = self.state["components"].T
        if issparse(vectors):  # SciPy adds up row by row, in the order of the row
            return np.asarray(vectors @ directions)
        return steady_product(np.asarray(vectors), directions)


class PcaParams(EncoderParams):
    """How many dimensions are kept."""

    dim: Annotated[int, Field(ge=1, description="dimensions kept, at most")] = 128


class Pca(Transform):
    """The strongest directions of the centred vectors (scikit-learn's `PCA`)."""

    name: ClassVar[str] = "pca"
    fitted: ClassVar[bool] = True
    params: PcaParams

    def __init__(self, **params: Any) -> None:
        super().__init__()
        self.params = PcaParams(**params)

    def fit(self, vectors: Vectors) -> None:
        """Find the mean and the directions."""
        model = _principal(vectors, self.params.dim)
        self.state = {"mean": model.mean_, "components": model.components_}
        self.state = {key: value.astype(np.float32) for key, value in self.state.items()}

    def out_dim(self, dim: int) -> int:
        """Return the number of directions that were found."""
        return len(self.state["components"])

    def apply(self, vectors: Vectors) -> NDArray[Any]:
        """Centre and project the vectors."""
        return steady_product(_dense(vectors) - self.state["mean"], self.state["components"].T)


class WhitenParams(EncoderParams):
    """Which of the whitened bases, and how cautious."""

    kind: Annotated[
        Literal["pca", "zca"],
        Field(description="pca: along the principal directions; zca: turned back, nearest to before"),
    ] = "pca"
    dim: Annotated[int | None, Field(ge=1, description="directions kept, at most; all if None")] = None
    epsilon: Annotated[
        float, Field(gt=0, description="added to each variance, as a share of the largest: keeps noise small")
    ] = 1e-3


class Whiten(Transform):
    """Centred vectors whose directions all vary alike, so that no common topic drowns the rest.

    Text encoders crowd all items of a shop into a narrow cone; whitening opens it (Zhou et al., "Is whitening all you need",
    2022; UniSRec, 2022). Fitted on training items, like everything that counts items.
    """

    name: ClassVar[str] = "whiten"
    fitted: ClassVar[bool] = True
    params: WhitenParams

    def __init__(self, **params: Any) -> None:
        super().__init__()
        self.params = WhitenParams(**params)

    def fit(self, vectors: Vectors) -> None:
        """Find the mean, the directions and their variances."""
        model = _principal(vectors, self.params.dim or vectors.shape[1])
        variances = np.maximum(model.explained_variance_, 0)
        scale = 1 / np.sqrt(variances + self.params.epsilon * max(float(variances.max(initial=0)), 1e-12))
        matrix = model.components_.T * scale  # [d, kept]
        if self.params.kind == "zca":
            matrix = matrix @ model.components_  # [d, d]
        self.state = {"mean": model.mean_.astype(np.float32), "matrix": matrix.astype(np.float32)}

    def out_dim(self, dim: int) -> int:
        """Return the number of directions kept (pca), or the dimensions there were (zca)."""
        return int(self.state["matrix"].shape[1])

    def apply(self, vectors: Vectors) -> NDArray[Any]:
        """Centre, turn and scale the vectors."""
        return steady_product(_dense(vectors) - self.state["mean"], self.state["matrix"])


class L2(Transform):
    """Unit length; zero stays zero."""

    name: ClassVar[str] = "l2"

    def __init__(self, **params: Any) -> None:
        super().__init__()
        self.params = EncoderParams(**params)

    def apply(self, vectors: Vectors) -> NDArray[Any]:
        """Divide each vector by its length."""
        dense = _dense(vectors)
        lengths = np.linalg.norm(dense, axis=1, keepdims=True)
        return dense / np.where(lengths > 0, lengths, 1)


class Half(Transform):
    """Half precision (float16): half the file; the last of a chain, as the others compute in single precision."""

    name: ClassVar[str] = "half"

    def __init__(self, **params: Any) -> None:
        super().__init__()
        self.params = EncoderParams(**params)

    @property
    def dtype(self) -> np.dtype[Any]:
        """float16."""
        return np.dtype(np.float16)

    def apply(self, vectors: Vectors) -> NDArray[Any]:
        """Round the vectors; what is beyond 65,504 becomes infinite, which a build refuses."""
        with np.errstate(over="ignore"):
            return _dense(vectors).astype(np.float16)


TRANSFORMS: dict[str, type[Transform]] = {cls.name: cls for cls in (SVD, Pca, Whiten, L2, Half)}


def _principal(vectors: Vectors, dim: int) -> Any:
    from sklearn.decomposition import PCA

    dense = _dense(vectors[fitting_sample(*vectors.shape)]).astype(np.float64)
    return PCA(min(dim, *dense.shape), svd_solver="covariance_eigh").fit(dense)


def _dense(vectors: Vectors) -> NDArray[np.float32]:
    return vectors.toarray() if issparse(vectors) else np.asarray(vectors)
