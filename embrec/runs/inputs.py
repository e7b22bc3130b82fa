"""The inputs of a training: the data, how they are divided, and what the model reads of the catalog."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from embrec.data.extras import read_extras
from embrec.data.interactions import Interactions
from embrec.data.prepared import OnSplit, PreparedSplit, open_split
from embrec.data.splits import Partition
from embrec.data.store import Dataset
from embrec.data.training_data import TrainingData
from embrec.evaluation.few_candidates import protocol_of_training
from embrec.evaluation.metrics import check_metrics
from embrec.features.finding import find_tables
from embrec.features.table import FeatureTable
from embrec.models.inputs import CatalogInputs, known_items
from embrec.models.registry import reads_of
from embrec.models.tables import DenseTable, FrozenTable, SparseTable
from embrec.runs.assembly import learned_partition
from embrec.runs.config import RunConfig
from embrec.runs.extras import hashed_users
from embrec.runs.provenance import context_hash, log_hash
from embrec.workspace import Category

# Below this share of non-zero entries a sparse product is faster and smaller than a dense one.
_SPARSE_DENSITY = 0.05

# Settings of a training that change no result: where it runs, and when it saves.
NO_RESULT = {"device", "checkpoint_seconds", "workers"}


def vectors(table: FeatureTable) -> NDArray[np.float32] | csr_matrix:
    """Return the vectors of a table, sparse where most entries are zero, [n, d]."""
    return table.csr() if table.attributes["density"] < _SPARSE_DENSITY else table.vectors


def frozen_table(table: FeatureTable) -> FrozenTable:
    """Return the lookup table of a model."""
    values = vectors(table)
    return SparseTable(values) if isinstance(values, csr_matrix) else DenseTable(values)


@dataclass(frozen=True)
class Inputs(OnSplit):
    """What a training reads.

    Attributes:
        config: the configuration that they belong to; that of `load_inputs` has the feature tables by their full names, and
            a protocol that fits the data.
        prepared: the data, and how the split divides them; the test is measured by it, whatever was learned from.
        tables: the feature tables in the order of the configuration.
        learned: how the log is divided for the training itself: see `learned_partition`.
        extras: what the model reads of the category besides the tables.
    """

    config: RunConfig
    prepared: PreparedSplit
    tables: list[FeatureTable]
    learned: Partition
    extras: CatalogInputs

    @cached_property
    def log(self) -> Interactions:
        """The log as the model reads it: with its context columns alone."""
        return self.dataset.interactions.with_context(self.extras.context)

    @cached_property
    def catalog(self) -> CatalogInputs:
        """All that the model reads of the catalog; the feature tables are read into memory once."""
        return replace(self.extras, tables={table.path.stem: frozen_table(table) for table in self.tables})

    @cached_property
    def training(self) -> TrainingData:
        """The events that the model learns from."""
        return TrainingData.of(self.log, self.learned, self.config.model.max_length)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that the result of the training depends on; see `run_fingerprint`."""
        return run_fingerprint(self.config, self.dataset, self.tables, self.extras_hash)

    @cached_property
    def extras_hash(self) -> bytes:
        """A hash of what is read besides feature tables, the context of the events too; empty for models that read nothing."""
        return self.extras.extras_fingerprint.encode() + context_hash(self.log)


def load_inputs(category: Category, config: RunConfig) -> Inputs:
    """Check a configuration against the data of its category, and read what its training needs.

    Feature tables are those of the split's own training items, even if validation events are learned from too.

    Raises:
        ConfigError: a value does not fit the data, or a relation, an attribute or a context column that the model names does
            not have the form it needs.
        DataError: the category or a column does not exist, or the split leaves no training events, validation targets or test
            targets.
        FeatureError: a feature table is missing or belongs to other items.
    """
    check_metrics([config.training.select_by])  # before the data are read
    inputs = inputs_of(category, config, open_split(category, config.split))
    config.model.check([table.dim for table in inputs.tables])
    config.training.negatives.check(int(inputs.learned.train_items.sum()))
    model = config.model.model_copy(update={"features": tuple(table.path.stem for table in inputs.tables)})
    return replace(inputs, config=inputs.config.model_copy(update={"model": model}))


def inputs_of(
    category: Category,
    config: RunConfig,
    prepared: PreparedSplit,
    features: Sequence[str] | None = None,
    *,
    what: str = "training.select_by",
) -> Inputs:
    """Gather the inputs of a training from data that are in memory, with a protocol that fits them; see `load_inputs`.

    Args:
        category: the category of the data, whose feature tables are read.
        config: the configuration.
        prepared: the data and their division.
        features: names of the feature tables; those of the configuration if None.
        what: setting that names the metric which chooses among models, for messages.
    """
    partition, training = prepared.partition, config.training
    learned = learned_partition(config, prepared.interactions, partition)
    known = known_items(learned.train_items)
    protocol = protocol_of_training(
        config.evaluation, prepared, training.select_by, validates=training.validates, what=what
    )
    names = config.model.features if features is None else features
    tables = find_tables(category, names, prepared.catalog, partition.train_items, config.split)
    reads = reads_of(config.model)
    extras = read_extras(config.model, reads, prepared, learned)
    knows_users = extras.users is not None
    found = CatalogInputs(
        {},
        known,
        relations=extras.relations,
        attributes={name: torch.from_numpy(one.values) for name, one in extras.attributes.items()},
        vocabularies={name: one.vocabulary for name, one in extras.attributes.items() if one.vocabulary},
        context=extras.context,
        users=torch.from_numpy(extras.users) if knows_users else None,
        user_hashes=torch.from_numpy(hashed_users(prepared.interactions)) if knows_users else None,
        tables_kept="features" in reads,
    )
    return Inputs(config.model_copy(update={"evaluation": protocol}), prepared, tables, learned, found)


def run_fingerprint(config: RunConfig, dataset: Dataset, tables: Sequence[FeatureTable], extras: bytes = b"") -> str:
    """Hash all that a run's result depends on: configuration, log, items and vectors, but not where it runs or when it saves.

    Args:
        config: the configuration of the run.
        dataset: the catalog and the log.
        tables: the feature tables, in the order of the configuration.
        extras: hash of what the model reads besides them, see `Inputs.extras_hash`.
    """
    return fingerprint_of(config.identity(training=NO_RESULT), dataset, tables, extras)


def fingerprint_of(
    settings: Mapping[str, Any], dataset: Dataset, tables: Sequence[FeatureTable], extras: bytes = b""
) -> str:
    """Hash settings, as `RunConfig.identity` returns them, and data; see `run_fingerprint`."""
    digest = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=16)
    digest.update(dataset.catalog.fingerprint.encode())
    digest.update(log_hash(dataset.interactions))
    for table in tables:
        digest.update(np.ascontiguousarray(table.fingerprints).tobytes())
    digest.update(extras)
    return digest.hexdigest()
