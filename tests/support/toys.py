"""Small models over random tables, for the tests of models, training and serving."""

from dataclasses import replace

import numpy as np
import torch
from scipy.sparse import random as sparse_random

from embrec.data.batches import Batch, collate
from embrec.data.sequences import Sequences
from embrec.models import registry
from embrec.models.factorised import SequenceRecommender
from embrec.models.inputs import CatalogInputs
from embrec.models.tables import DenseTable, SparseTable
from embrec.models.zoo import build_model

N_ITEMS = 20


def toy_model(
    source: str = "content", cell: str = "fast", unknown: tuple[int, ...] = (), kind: str = "embrec", **options
) -> SequenceRecommender:
    """A model of 20 items; `unknown` are the tensor ids without training events."""
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    known = torch.ones(N_ITEMS + 1, dtype=torch.bool)
    known[[0, *unknown]] = False
    tables = {
        "dense": DenseTable(generator.normal(size=(N_ITEMS, 7)).astype(np.float32)),
        "sparse": SparseTable(sparse_random(N_ITEMS, 11, density=0.3, format="csr", random_state=0, dtype=np.float32)),
    }
    features = () if source == "id" else tuple(tables)
    options = {"source": source, "features": features, "dim": 6} | options
    if kind == "embrec":
        options = {"cell": cell, "units": 8} | options
    model = build_model(registry.lookup(kind).config(**options), CatalogInputs(tables, known).select(features)).eval()
    if source == "hybrid":  # as if it had been trained: a residual of zero would hide what it does
        torch.nn.init.normal_(model.items.identity.weight)
    return model


def toy_batch(*histories: list[int], targets: list[int] | None = None, width: int | None = None) -> Batch:
    """A batch of histories of tensor ids, padded to `width`; `targets` are what follows their last events."""
    width = width or max(len(history) for history in histories)
    items = torch.zeros(len(histories), width, dtype=torch.long)
    at_step = torch.zeros_like(items)
    for row, history in enumerate(histories):
        items[row, : len(history)] = torch.tensor(history)
        if targets is not None:
            at_step[row, len(history) - 1] = targets[row]
    lengths = torch.tensor([len(history) for history in histories])
    nothing = torch.zeros(len(histories), dtype=torch.long)
    return Batch(items, torch.zeros_like(items), lengths, at_step, nothing, nothing)


def of_lengths(*lengths: int) -> Batch:
    """A batch of histories of these lengths, for encoders that are given item vectors beside it."""
    return toy_batch(*[[1] * length for length in lengths])


def next_item_batch(*histories: list[int]) -> Batch:
    """A training batch of histories of tensor ids: each event predicts the one after it."""
    rows = [np.array(history) - 1 for history in histories]
    return collate(replace(Sequences.from_histories(rows), target=None, target_time=None), np.arange(len(rows)))


def step_queries(model: SequenceRecommender, batch: Batch) -> torch.Tensor:
    """The query after every step of a batch, as the scorer reads it, padding included, [B, L, d]."""
    rows, steps = batch.items.shape
    at = torch.arange(rows).repeat_interleave(steps), torch.arange(steps).repeat(rows)
    return model.queries(batch, at).dense.view(rows, steps, -1)
