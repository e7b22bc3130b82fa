"""The inputs of a training: the data set, its split, and the feature tables that the model reads."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from embrec.data.catalog import Catalog
from embrec.data.splits import Partition, SplitConfig
from embrec.data.store import Dataset, load_dataset
from embrec.features.finding import find_table
from embrec.features.table import FeatureTable
from embrec.models.tables import DenseTable, FrozenTable, SparseTable
from embrec.runs.assembly import learned_partition
from embrec.runs.config import RunConfig
from embrec.runs.provenance import log_hash
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


# Settings of a training that change no result: where it runs, and when it saves.
NO_RESULT = {"device", "checkpoint_seconds", "workers"}


class Inputs(NamedTuple):
    """What a training reads.

    Attributes:
        dataset: the catalog and the log.
        partition: how the split divides the log; the test is measured by it, whatever was learned from.
        tables: the feature tables in the order of the configuration.
        learned: how the log is divided for the training itself: see `learned_partition`.
    """

    dataset: Dataset
    partition: Partition
    tables: list[FeatureTable]
    learned: Partition


def load_inputs(category: Category, config: RunConfig) -> Inputs:
    """Read what a training needs.

    Feature tables are those of the split's own training items, also where validation events are learned from too.

    Raises:
        DataError: the category does not exist, or the split leaves no training events, validation targets or test targets.
        FeatureError: a feature table is missing or belongs to other items.
    """
    dataset = load_dataset(category)
    partition = config.split(dataset.interactions, len(dataset.catalog))
    tables = find_tables(category, config.model.features, dataset.catalog, partition.train_items, config.split)
    return Inputs(dataset, partition, tables, learned_partition(config, dataset.interactions, partition))


def run_fingerprint(config: RunConfig, dataset: Dataset, tables: Sequence[FeatureTable]) -> str:
    """Hash what a run's result depends on: configuration, log, items and vectors, but not where it runs or when it saves."""
    return fingerprint_of(config.identity(training=NO_RESULT), dataset, tables)


def fingerprint_of(settings: Mapping[str, Any], dataset: Dataset, tables: Sequence[FeatureTable]) -> str:
    """Hash settings, as `RunConfig.identity` returns them, and data; see `run_fingerprint`."""
    digest = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=16)
    digest.update(dataset.catalog.fingerprint.encode())
    digest.update(log_hash(dataset.interactions))
    for table in tables:
        digest.update(np.ascontiguousarray(table.fingerprints).tobytes())
    return digest.hexdigest()
