"""Scores as sums of products: the form that ranking, lists and serving read.

A score is the inner product of a query and an item vector, plus any number of sparse products such as matching words or counted
transitions:

    score(m, c) = dense_m . item_c  +  sum over parts p of (q_pm @ matrix_p)_c * column_weights_pc

A weight that depends on the history is a factor of the query, and one that depends on the candidate is a column weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from embrec.data.sequences import consecutive

if TYPE_CHECKING:  # imported only where a model has sparse products
    from scipy.sparse import csr_matrix

Rows = slice | NDArray[np.integer]


@dataclass(frozen=True)
class SparsePart:
    """The items' factor of one sparse product.

    Every way to compute a score adds up its terms in the same order, so that it has the same last bit in a block of the
    catalog, in a list of candidates and alone.

    Args:
        name: name of the part, such as "words".
        matrix: S rows (terms, last items, ...) by tensor ids, [S, n + 1].
        column_weights: factor of each tensor id, [n + 1]; None for 1.
    """

    name: str
    matrix: "csr_matrix"
    column_weights: Tensor | None = None

    def __post_init__(self) -> None:
        self.matrix.sum_duplicates()  # sorts the columns of each row, too

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        """Row and column of each entry as one number, in increasing order, [nnz]."""
        size, width = self.matrix.shape
        rows = np.repeat(np.arange(size, dtype=np.int64), np.diff(self.matrix.indptr))
        rows *= width
        rows += self.matrix.indices
        return rows

    @cached_property
    def _values(self) -> NDArray[np.float32]:
        """The entries times their columns' weights, [nnz]."""
        values = self.matrix.data.astype(np.float32, copy=False)
        if self.column_weights is None:
            return values
        weighted: NDArray[np.float32] = values * self.column_weights.cpu().float().numpy()[self.matrix.indices]
        return weighted

    def add_block(self, scores: Tensor, queries: "csr_matrix", start: int) -> None:
        """Add the products with a block of tensor ids to scores, in place.

        Args:
            scores: scores of the tensor ids from `start` on, [M, W].
            queries: the histories' factor, [M, S].
            start: the first tensor id.
        """
        row, of_query, low, high = self._ranges(queries, start, start + scores.shape[1])
        count = high - low
        entry = consecutive(low, count)
        column = self.matrix.indices[entry] - start
        _add(scores, np.repeat(row, count), column, np.repeat(of_query, count) * self._values[entry])

    def add_at(self, scores: Tensor, queries: "csr_matrix", ids: Tensor) -> None:
        """Add the products with candidates of each row to scores, in place.

        Args:
            scores: [M, C].
            queries: the histories' factor, [M, S].
            ids: tensor ids, [M, C].
        """
        row, of_query, low, high = self._ranges(queries, 0, self.matrix.shape[1])
        there = high > low
        if not there.any():
            return
        row, of_query, low = row[there], of_query[there], low[there]
        wanted = ids.cpu().numpy()[row]  # [K, C] for K terms that the queries have
        base = self._keys[low] - self.matrix.indices[low]
        entry = np.minimum(np.searchsorted(self._keys, base[:, None] + wanted), len(self._keys) - 1)
        found, column = np.nonzero(self._keys[entry] == base[:, None] + wanted)
        _add(scores, row[found], column, of_query[found] * self._values[entry[found, column]])

    def _ranges(
        self, queries: "csr_matrix", start: int, stop: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
        """Return row and value of each term of the queries, and where its entries with these tensor ids begin and end."""
        row = np.repeat(np.arange(queries.shape[0]), np.diff(queries.indptr))
        of_query = queries.data.astype(np.float32, copy=False)
        if (start, stop) == (0, self.matrix.shape[1]):
            low, high = (self.matrix.indptr[queries.indices + place].astype(np.int64) for place in (0, 1))
            return row, of_query, low, high
        base = queries.indices.astype(np.int64) * self.matrix.shape[1]
        return row, of_query, np.searchsorted(self._keys, base + start), np.searchsorted(self._keys, base + stop)


def _add(scores: Tensor, row: NDArray[np.int64], column: NDArray[np.int64], values: NDArray[np.float32]) -> None:
    """Add values to scores [M, W], one after the other where several have the same place."""
    if not len(values):
        return
    if scores.device.type != "cpu":
        there = torch.zeros(scores.shape)
        _add(there, row, column, values)
        scores += there.to(scores)
        return
    stride = scores.stride(0)
    flat = scores.as_strided((stride * (len(scores) - 1) + scores.shape[1],), (1,)).numpy()
    np.add.at(flat, row * stride + column, values.astype(flat.dtype, copy=False))


class Factors(NamedTuple):
    """The catalog's factor of the scores.

    Attributes:
        items: vectors of the whole catalog, in the space of the queries, [n + 1, d].
        scorable: False for the padding, and for items that the model cannot tell apart and ranks last, [n + 1].
        causal: True if the query after an event does not depend on later events, so that one forward pass over a history gives
            those of all its prefixes.
        sparse: the sparse products that are added to the dense one.
    """

    items: Tensor
    scorable: Tensor
    causal: bool = True
    sparse: tuple[SparsePart, ...] = ()


@dataclass(frozen=True)
class Queries:
    """The histories' factor of the scores.

    Attributes:
        dense: multiplied with the item vectors, [M, d].
        sparse: multiplied with the matrix of each sparse part, [M, S] each.
    """

    dense: Tensor
    sparse: "tuple[csr_matrix, ...]" = ()

    def __len__(self) -> int:
        return len(self.dense)

    def select(self, rows: Rows) -> "Queries":
        """Return some of the queries."""
        index = rows if isinstance(rows, slice) else torch.from_numpy(np.asarray(rows)).to(self.dense.device)
        return Queries(self.dense[index], tuple(part[rows] for part in self.sparse))

    @classmethod
    def joined(cls, parts: Sequence["Queries"]) -> "Queries":
        """Return the queries of several parts, one after the other; there must be at least one."""
        from scipy.sparse import vstack

        sparse = tuple(vstack(same, format="csr") for same in zip(*(part.sparse for part in parts), strict=True))
        return cls(torch.cat([part.dense for part in parts]), sparse)


def product_scores(factors: Factors, queries: Queries, candidates: Tensor | None = None) -> Tensor:
    """Score candidates by their factors.

    Args:
        factors: the catalog's factor.
        queries: the factor of M histories.
        candidates: tensor ids, [C] for all histories or [M, C]; the whole catalog if None.

    Returns:
        [M, C], or [M, n + 1]; -inf for items that cannot be scored.
    """
    if candidates is None:
        scores = queries.dense @ factors.items.T
        for part, query in zip(factors.sparse, queries.sparse, strict=True):
            part.add_block(scores, query, 0)
        return scores.masked_fill(~factors.scorable, -torch.inf)
    if candidates.dim() == 1:
        candidates = candidates.expand(len(queries), -1)
    scores = (F.embedding(candidates, factors.items) @ queries.dense[:, :, None]).squeeze(-1)
    for part, query in zip(factors.sparse, queries.sparse, strict=True):
        part.add_at(scores, query, candidates)
    return scores.masked_fill(~factors.scorable[candidates], -torch.inf)
