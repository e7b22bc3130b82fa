"""Frozen item vectors on the model's side: a lookup table with a padding row, dense or sparse."""

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor, nn


class DenseTable(nn.Module):
    """A frozen table of n item vectors; row 0 is padding and zero.

    It is a buffer that moves with the model but is not saved with it: the weights of a run do not repeat the features.

    Args:
        vectors: item vectors in catalog order, [n, d].
    """

    vectors: Tensor

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        super().__init__()
        table = torch.zeros(len(vectors) + 1, vectors.shape[1])
        table[1:] = torch.from_numpy(np.ascontiguousarray(vectors))
        self.register_buffer("vectors", table, persistent=False)

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return self.vectors.shape[1]

    def project(self, weight: Tensor) -> Tensor:
        """Multiply every row by a weight [h, d], giving [n + 1, h]."""
        return self.vectors @ weight.T


def placeholder(dim: int) -> DenseTable:
    """Return a table without items: the shape of a source, for a model whose item vectors are already computed."""
    return DenseTable(np.zeros((0, dim), dtype=np.float32))


class SparseTable(nn.Module):
    """A frozen table of which few entries are not zero, such as TF-IDF: a product with it costs only those.

    Args:
        vectors: item vectors in catalog order, [n, d].
    """

    forward_matrix: Tensor
    backward_matrix: Tensor

    def __init__(self, vectors: csr_matrix) -> None:
        super().__init__()
        padded = csr_matrix(
            (vectors.data, vectors.indices, np.concatenate([[0], vectors.indptr])),
            shape=(vectors.shape[0] + 1, vectors.shape[1]),
        )
        self.register_buffer("forward_matrix", _torch_csr(padded), persistent=False)
        self.register_buffer("backward_matrix", _torch_csr(padded.T.tocsr()), persistent=False)

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return self.forward_matrix.shape[1]

    def project(self, weight: Tensor) -> Tensor:
        """Multiply every row by a weight [h, d], giving [n + 1, h]."""
        return _SparseProduct.apply(self.forward_matrix, self.backward_matrix, weight.T)


class _SparseProduct(torch.autograd.Function):
    """`A @ W` for a constant sparse A whose transpose is at hand, so that the gradient is a plain product too."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, weight: Tensor) -> Tensor:
        ctx.transposed = transposed
        return matrix @ weight

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transposed @ gradients[0].contiguous()


def _torch_csr(matrix: csr_matrix) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int64)),
            torch.from_numpy(matrix.indices.astype(np.int64)),
            torch.from_numpy(matrix.data.astype(np.float32)),
            size=matrix.shape,
            check_invariants=False,
        )


FrozenTable = DenseTable | SparseTable
