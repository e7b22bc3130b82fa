"""Frozen tables of item vectors in a model, dense or sparse, with a row for padding."""

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embrec.models.dropout import dropout

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class DenseTable(nn.Module):
    """A frozen table of n item vectors; row 0 is padding and zero.

    It is a buffer that moves with the model but is not saved with it, so that the weights of a run do not contain the features.

    Args:
        vectors: item vectors in catalog order, [n, d].
    """

    vectors: Tensor

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        super().__init__()
        table = torch.zeros(len(vectors) + 1, vectors.shape[1])
        table[1:] = torch.from_numpy(np.array(vectors))  # a copy: a memory map cannot be written
        _register(self, {"vectors": table})

    @property
    def dim(self) -> int:
        """Length of a vector, d."""
        return self.vectors.shape[1]

    def project(self, weight: Tensor, share: float = 0.0) -> Tensor:
        """Return the product of every row with a weight, [n + 1, h].

        Args:
            weight: weight of a linear layer, [h, d].
            share: dropout rate of the entries of the table.
        """
        return dropout(self.dense(), share, True) @ weight.T

    def dense(self) -> Tensor:
        """Return every row, [n + 1, d]."""
        return self.vectors


class NoTable(DenseTable):
    """The place of a table in a model whose item vectors are already computed: a run keeps those, and no tables.

    Args:
        dim: length of a vector.
    """

    def __init__(self, dim: int) -> None:
        super().__init__(np.zeros((0, dim), dtype=np.float32))

    def dense(self) -> Tensor:
        """Refuse: there are no vectors.

        Raises:
            TypeError: always; a model that reads them has "features" among the `reads` of its registration.
        """
        raise TypeError(
            "the run keeps item vectors and no feature tables; a model that reads the tables too says so in its registration: "
            'reads=frozenset({"features"})'
        )


class SparseTable(nn.Module):
    """A frozen table with few non-zero entries, such as TF-IDF; the cost of a product depends only on those.

    Args:
        vectors: item vectors in catalog order, [n, d].
    """

    row_ptr: Tensor
    columns: Tensor
    values: Tensor
    column_ptr: Tensor
    rows: Tensor
    by_column: Tensor

    def __init__(self, vectors: "csr_matrix") -> None:
        from scipy.sparse import csr_matrix  # slow to import, and dense tables need none

        super().__init__()
        self.shape = (vectors.shape[0] + 1, vectors.shape[1])
        self.cache: Tensor | None = None
        # The transposed matrix holds the same values in the order `by_column`, so that one dropout serves both.
        places = csr_matrix((np.arange(1, vectors.nnz + 1), vectors.indices, vectors.indptr), vectors.shape).tocsc()
        buffers = {
            "row_ptr": np.concatenate([[0], vectors.indptr]),
            "columns": vectors.indices,
            "values": vectors.data.astype(np.float32),
            "column_ptr": places.indptr,
            "rows": places.indices + 1,
            "by_column": places.data - 1,
        }
        _register(
            self,
            {
                name: torch.from_numpy(values if name == "values" else values.astype(np.int64))
                for name, values in buffers.items()
            },
        )

    @property
    def dim(self) -> int:
        """Length of a vector, d."""
        return self.shape[1]

    def project(self, weight: Tensor, share: float = 0.0) -> Tensor:
        """Return the product of every row with a weight, [n + 1, h]; arguments as of `DenseTable.project`."""
        values = dropout(self.values, share, True)
        matrix = _torch_csr(self.row_ptr, self.columns, values, self.shape)
        transposed = _torch_csr(self.column_ptr, self.rows, values[self.by_column], self.shape[::-1])
        product: Tensor = _SparseProduct.apply(matrix, transposed, weight.T)
        return product

    def dense(self) -> Tensor:
        """Return every row, [n + 1, d]."""
        if self.cache is None or self.cache.device != self.values.device:
            self.cache = _torch_csr(self.row_ptr, self.columns, self.values, self.shape).to_dense()
        return self.cache


class _SparseProduct(torch.autograd.Function):
    """`A @ W` for a constant sparse A with a given transpose, so that the gradient is a plain product too."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, weight: Tensor) -> Tensor:
        ctx.transposed = transposed
        with torch.autocast(weight.device.type, enabled=False):  # a CPU has no sparse product in half precision
            return matrix @ weight

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transposed @ gradients[0].contiguous()


def _torch_csr(pointers: Tensor, indices: Tensor, values: Tensor, size: tuple[int, ...]) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(pointers, indices, values, size=size, check_invariants=False)


FrozenTable = DenseTable | SparseTable


class TableArrays(NamedTuple):
    """The contents of a frozen table as plain arrays that several processes can share; see `table_arrays`."""

    shape: tuple[int, int]
    arrays: Mapping[str, NDArray]


def table_arrays(table: FrozenTable) -> TableArrays:
    """Return the contents of a table without copying them."""
    items, dim = table.shape if isinstance(table, SparseTable) else table.vectors.shape
    return TableArrays((items, dim), {name: buffer.numpy() for name, buffer in table.named_buffers()})


def table_of_arrays(content: TableArrays) -> FrozenTable:
    """Return the table of arrays from `table_arrays`, without copying them; they may be read-only."""
    table = DenseTable.__new__(DenseTable) if "vectors" in content.arrays else SparseTable.__new__(SparseTable)
    nn.Module.__init__(table)
    if isinstance(table, SparseTable):
        table.shape, table.cache = content.shape, None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        _register(table, {name: torch.from_numpy(array) for name, array in content.arrays.items()})
    return table


def _register(table: nn.Module, buffers: Mapping[str, Tensor]) -> None:
    """Give a module buffers that move with it but are not saved with it."""
    for name, buffer in buffers.items():
        table.register_buffer(name, buffer, persistent=False)
