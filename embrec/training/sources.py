"""The feature tables that a model reads: found by name, turned into what the model multiplies with."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.features.table import FeatureTable
from embrec.models.tables import DenseTable, FrozenTable, SparseTable
from embrec.workspace import Category

# Below this share of non-zero entries a sparse product is faster and smaller than a dense one.
_SPARSE_DENSITY = 0.05


def find_tables(
    category: Category, names: Sequence[str], catalog: Catalog, train_items: NDArray[np.bool_]
) -> list[FeatureTable]:
    """Return the feature tables of these names, fitted on these training items where an encoder was fitted at all."""
    raise RuntimeError


def frozen_table(table: FeatureTable) -> FrozenTable:
    """Return the lookup table of a model, sparse where the vectors are."""
    raise RuntimeError
