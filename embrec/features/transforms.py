"""Transforms of vectors before they are stored: fewer dimensions, whitening, unit length, half precision.

A transform is saved with its encoder, so that a new item goes through the same chain. A transformed vector depends only on
the vector and the fitted state, bit for bit: not on the other vectors, nor on the processor. (The fitted state itself may
differ in its last digits between processors.)
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

# Above these limits, transforms are fitted on a random sample of the vectors, so that memory does not grow with the catalog.
_FIT_ITEMS = 100_000
_FIT_BYTES = 1 << 27


def fitting_sample(n: int, dense_dim: int | None) -> NDArray[np.int64]:
    """Return the rows of the vectors to fit a transform on, ascending: all, or a random sample.

    Args:
        n: number of vectors.
        dense_dim: length of dense vectors; None for sparse ones.

    Examples:
        >>> fitting_sample(5, 300)
        array([0, 1, 2, 3, 4])
        >>> len(fitting_sample(1_000_000, None))
        100000
    """
    most = _FIT_ITEMS if dense_dim is None else min(_FIT_ITEMS, max(1, _FIT_BYTES // (4 * max(1, dense_dim))))
    return np.arange(n) if n <= most else np.sort(np.random.default_rng(0).choice(n, most, replace=False))


class Transform(ABC):
    """Base class of the transforms: a function from vectors to vectors, row by row.

    Attributes:
        name: name of the transform in specs such as `tfidf+svd`.
        version: number bumped whenever the same parameters would produce different vectors.
        fitted: True if the transform is fitted on the vectors of training items.
        params: parameters of the transform.
        state: fitted state, name -> array.
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
        """Fit the transform on vectors, [m, d]; a transform without state does nothing."""

    def out_dim(self, dim: int) -> int:
        """Return the length of a transformed vector, given the length `dim` of its input."""
        return dim

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type in which a table stores the vectors."""
        return np.dtype(np.float32)

    @abstractmethod
    def apply(self, vectors: Vectors) -> NDArray[Any]:
        """Transform vectors.

        Args:
            vectors: dense or sparse vectors, [k, d].

        Returns:
            Dense vectors, [k, out_dim(d)].
        """

    def identity(self) -> dict[str, Any]:
        """Return everything the result depends on besides the vectors, as plain values."""
        digest = hashlib.blake2b(digest_size=16)
        for key in sorted(self.state):
            digest.update(key.encode() + np.ascontiguousarray(self.state[key]).tobytes())
        return {
            "name": self.name,
            "version": self.version,
            "params": self.params.identity(),
            "weights": digest.hexdigest() if self.state else "",
        }


class SvdParams(EncoderParams):
    """Parameters of `SVD`."""

    dim: Annotated[int, Field(ge=1, description="maximum number of dimensions")] = 250


class SVD(Transform):
    """Truncated singular value decomposition: the strongest directions of the uncentred vectors.

    With the matrix X [m, d] of the training items' vectors and its decomposition X = U S V^T, a vector x becomes V_k^T x, its
    coordinates along the `dim` strongest directions. After TF-IDF this is latent semantic analysis: terms that occur together
    share a direction. It is the transform for sparse vectors, because it does not centre them (`pca` does). The default of 250
    dimensions and the seed are those of [semikin2019]. Computed by scikit-learn's `TruncatedSVD`.

    Source: [deerwester1990], [halko2011].

    Examples:
        >>> vectors = np.eye(3, dtype=np.float32)[[0, 0, 1]]
        >>> svd = SVD(dim=2)
        >>> svd.fit(vectors)
        >>> np.abs(svd.apply(vectors)).round(2)
        array([[1., 0.],
               [1., 0.],
               [0., 1.]], dtype=float32)
    """

    name: ClassVar[str] = "svd"
    fitted: ClassVar[bool] = True
    params: SvdParams

    def __init__(self, **params: Any) -> None:
        super().__init__()
        self.params = SvdParams(**params)

    def fit(self, vectors: Vectors) -> None:
        """Compute the directions, [dim, d], from vectors, [m, d]."""
        from sklearn.decomposition import TruncatedSVD

        count = min(self.params.dim, vectors.shape[1], vectors.shape[0])
        model = TruncatedSVD(count, random_state=42).fit(vectors)
        self.state = {"components": model.components_.astype(np.float32)}

    def out_dim(self, dim: int) -> int:
        """Return the number of directions, at most `dim` of the parameters."""
        return len(self.state["components"])

    def apply(self, vectors: Vectors) -> NDArray[Any]:
        """Project vectors on the directions, [k, dim]."""
        directions = self.state["components"].T
        if issparse(vectors):  # SciPy sums each row in its own order, whatever the other rows
            return np.asarray(vectors @ directions)
        return steady_product(np.asarray(vectors), directions)


class PcaParams(EncoderParams):
    """Parameters of `Pca`."""

    dim: Annotated[int, Field(ge=1, description="maximum number of dimensions")] = 128


class Pca(Transform):
    """Principal component analysis: the directions of largest variance of the centred vectors.

    A vector x becomes V_k^T (x - mean), its coordinates along the `dim` directions in which the training items vary most. Use
    it to shorten dense vectors of sentence or image encoders; `svd` is for sparse ones, `whiten` also equalises the variances.
    Computed by scikit-learn's `PCA`.

    Source: [pearson1901].

    Examples:
        >>> pca = Pca(dim=1)
        >>> vectors = np.array([[1, 5], [2, 5], [3, 5]], dtype=np.float32)
        >>> pca.fit(vectors)
        >>> np.abs(pca.apply(vectors)).round(2).tolist()
        [[1.0], [0.0], [1.0]]
    """

    name: ClassVar[str] = "pca"
    fitted: ClassVar[bool] = True
    params: PcaParams

    def __init__(self, **params: Any) -> None:
        super().__init__()
        self.params = PcaParams(**params)

    def fit(self, vectors: Vectors) -> None:
        """Compute the mean, [d], and the directions, [dim, d], from vectors, [m, d]."""
        model = _principal(vectors, self.params.dim)
        self.state = {"mean": model.mean_, "components": model.components_}
        self.state = {key: value.astype(np.float32) for key, value in self.state.items()}

    def out_dim(self, dim: int) -> int:
        """Return the number of directions, at most `dim` of the parameters."""
        return len(self.state["components"])

    def apply(self, vectors: Vectors) -> NDArray[Any]:
        """Centre vectors and project them on the directions, [k, dim]."""
        return steady_product(_dense(vectors) - self.state["mean"], self.state["components"].T)


class WhitenParams(EncoderParams):
    """Parameters of `Whiten`."""

    kind: Annotated[
        Literal["pca", "zca"],
        Field(description="pca: along the principal directions; zca: rotated back to the original axes"),
    ] = "pca"
    dim: Annotated[int | None, Field(ge=1, description="maximum number of directions; all if None")] = None
    epsilon: Annotated[
        float,
        Field(
            gt=0,
            description="added to each variance, as a share of the largest variance, so that noise is not amplified",
        ),
    ] = 1e-3


class Whiten(Transform):
    """Whitening: centred vectors with (nearly) equal variance in all directions.

    With the principal directions V and variances s of the training items' vectors, a vector x becomes

        pca:  diag(s + epsilon * max(s))^(-1/2) V^T (x - mean)
        zca:  V diag(s + epsilon * max(s))^(-1/2) V^T (x - mean)

    Text encoders place the items of one shop in a narrow cone, where all cosines are close to 1; whitening spreads them, which
    helps sequence models that read frozen text vectors. Zca stays closest to the original vectors.

    Source: [kessy2018] (PCA and ZCA whitening), [su2021], [hou2022unisrec], [zhang2024].

    Examples:
        >>> whiten = Whiten(epsilon=1e-9)
        >>> vectors = np.array([[1, 10], [1, -10], [-1, 10], [-1, -10]], dtype=np.float32)
        >>> whiten.fit(vectors)
        >>> whiten.apply(vectors).std(axis=0, ddof=1).round(3).tolist()
        [1.0, 1.0]
    """

    name: ClassVar[str] = "whiten"
    fitted: ClassVar[bool] = True
    params: WhitenParams

    def __init__(self, **params: Any) -> None:
        super().__init__()
        self.params = WhitenParams(**params)

    def fit(self, vectors: Vectors) -> None:
        """Compute the mean, [d], and the whitening matrix, [d, out_dim], from vectors, [m, d]."""
        model = _principal(vectors, self.params.dim or vectors.shape[1])
        variances = np.maximum(model.explained_variance_, 0)
        scale = 1 / np.sqrt(variances + self.params.epsilon * max(float(variances.max(initial=0)), 1e-12))
        matrix = model.components_.T * scale  # [d, kept]
        if self.params.kind == "zca":
            matrix = matrix @ model.components_  # [d, d]
        self.state = {"mean": model.mean_.astype(np.float32), "matrix": matrix.astype(np.float32)}

    def out_dim(self, dim: int) -> int:
        """Return the number of directions kept (pca) or the original length (zca)."""
        return int(self.state["matrix"].shape[1])

    def apply(self, vectors: Vectors) -> NDArray[Any]:
        """Centre vectors and multiply them by the whitening matrix, [k, out_dim]."""
        return steady_product(_dense(vectors) - self.state["mean"], self.state["matrix"])


class L2(Transform):
    """Scaling to unit length; a zero vector stays zero.

    A vector x becomes x / |x|. Use it where models compare vectors by inner product but directions are what matters, as for
    `clip` and `clip-text`.

    Examples:
        >>> L2().apply(np.array([[3, 4], [0, 0]], dtype=np.float32)).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """

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
    """Rounding to half precision (float16), which halves the file.

    It must be the last transform of a chain, because the others compute in single precision.

    Examples:
        >>> Half().apply(np.array([[0.1, 1.0]], dtype=np.float32)).dtype
        dtype('float16')
    """

    name: ClassVar[str] = "half"

    def __init__(self, **params: Any) -> None:
        super().__init__()
        self.params = EncoderParams(**params)

    @property
    def dtype(self) -> np.dtype[Any]:
        """float16, the type in which a table stores the vectors."""
        return np.dtype(np.float16)

    def apply(self, vectors: Vectors) -> NDArray[Any]:
        """Round vectors, [k, d]; numbers beyond 65,504 become infinite, which a build refuses."""
        with np.errstate(over="ignore"):
            return _dense(vectors).astype(np.float16)


TRANSFORMS: dict[str, type[Transform]] = {cls.name: cls for cls in (SVD, Pca, Whiten, L2, Half)}


def _principal(vectors: Vectors, dim: int) -> Any:
    from sklearn.decomposition import PCA

    dense = _dense(vectors[fitting_sample(*vectors.shape)]).astype(np.float64)
    return PCA(min(dim, *dense.shape), svd_solver="covariance_eigh").fit(dense)


def _dense(vectors: Vectors) -> NDArray[np.float32]:
    return vectors.toarray() if issparse(vectors) else np.asarray(vectors)
