"""Ablation of a trained fusion: the model with the vectors of one source zeroed, without training it again."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from embrec.errors import RunError
from embrec.features.table import FeatureTable
from embrec.models.item_based import ItemBasedModel
from embrec.models.items.cached import CachedItems
from embrec.models.items.content import ContentEncoder
from embrec.models.items.hybrid import Hybrid
from embrec.models.tables import FrozenTable, SparseTable
from embrec.runs.folder import RunFolder
from embrec.runs.inputs import frozen_table
from embrec.runs.model import load_model
from embrec.runs.provenance import table_hash


@torch.inference_mode()
def matrix_without(model: ItemBasedModel, tables: Mapping[str, FrozenTable], source: str) -> Tensor:
    """Return the item vectors of a trained model with the vectors of one source zeroed for every item, [n + 1, d].

    Histories and candidates are both read through them. Nothing is retrained: this asks what the model has come to rely on,
    not what could be had without the source.

    Args:
        model: model of content, or of content and identity.
        tables: the vectors of its other sources, name -> table; the model reads them from now on.
        source: name of the source whose vectors are zeroed.

    Raises:
        RunError: the model reads no such source.
    """
    items = model.items.encoder if isinstance(model.items, CachedItems) else model.items
    content = items.content if isinstance(items, Hybrid) else items
    if not isinstance(content, ContentEncoder) or source not in content.sources:
        raise RunError(f"the model reads no source {source!r}")
    dim = content.tables[content.sources.index(source)].dim
    silent = SparseTable(csr_matrix((len(model.known) - 1, dim), dtype=np.float32))  # takes no room
    content.tables = nn.ModuleList(silent if name == source else tables[name] for name in content.sources)
    model.eval()
    return items.all_items()  # type: ignore[union-attr]


def model_without(run: RunFolder, tables: Sequence[FeatureTable], source: str) -> ItemBasedModel:
    """Return the model of a finished run with the vectors of one source zeroed; see `matrix_without`.

    Args:
        run: run of a model with features.
        tables: the feature tables that it was trained on.
        source: name of the table whose vectors are zeroed.

    Raises:
        RunError: the run cannot be read, does not read that source, or was trained on other contents of a table.
    """
    made_of = run.read_made_of()
    for table in tables:
        if made_of is not None and made_of.tables.get(table.path.stem) != table_hash(table):
            raise RunError(
                f"run {run.path} was trained on other contents of {table.path.stem} than it holds now; train it again"
            )
    model = load_model(run).model
    if not isinstance(model, ItemBasedModel):
        raise RunError(f"the model reads no source {source!r}")
    others = {table.path.stem: frozen_table(table) for table in tables if table.path.stem != source}
    return model.with_items(CachedItems(matrix_without(model, others, source)))
