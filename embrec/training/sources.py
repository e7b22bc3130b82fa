"""The feature tables that a model reads: found by name, turned into what the model multiplies with."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from embrec.data.catalog import Catalog
from embrec.data.splits import SplitConfig
from embrec.features.finding import find_table
from embrec.features.table import FeatureTable
from embrec.models.tables import DenseTable, FrozenTable, SparseTable
from embrec.workspace import Category

# Below this share of non-zero entries a sparse product is faster and smaller than a dense one.
_SPARSE_DENSITY = 0.05


def find_tables(
    category: Category,
    names: Sequence[str],
    catalog: Catalog,
    train_items: NDArray[np.bool_],
    split: SplitConfig | None = None,
) -> list[FeatureTable]:
    """Return the feature tables of these names; see `find_table`."""
    return [find_table(category, name, catalog, train_items, split) for name in names]


def vectors(table: FeatureTable) -> NDArray[np.float32] | csr_matrix:
    """Return the vectors of a table, sparse where most entries are zero, [n, d]."""
    return table.csr() if table.attributes["density"] < _SPARSE_DENSITY else table.vectors


def frozen_table(table: FeatureTable) -> FrozenTable:
    """Return the lookup table of a model."""
    values = vectors(table)
    return SparseTable(values) if isinstance(values, csr_matrix) else DenseTable(values)
