"""The base of trained models that read their items through an item encoder."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from typing import Self

import torch
from torch import Tensor, nn

from embrec.data.batches import Batch
from embrec.models.factors import Factors, Queries
from embrec.models.interface import Step
from embrec.models.items.base import ItemEncoder
from embrec.models.items.cached import CachedItems


class ItemBasedModel(nn.Module, ABC):
    """A trained model with an item encoder, `items`, which may be replaced by the vectors that it made.

    A run saves the item vectors and not the feature tables, so a loaded model has them as its encoder. A subclass satisfies
    `Factorised` or `Scored` (see `embrec.models.interface`); whatever it knows of an item comes from `items`, or is a weight.

    Args:
        items: the item encoder.
        known: True for the items with training events, [n + 1]; the others are no candidates in training.

    Attributes:
        prefixes: True if the model gives one query per history, so that it trains on a row for each prefix of a history.
    """

    known: Tensor
    prefixes: bool = False

    def __init__(self, items: ItemEncoder, known: Tensor) -> None:
        super().__init__()
        self.items = items
        self.register_buffer("known", known.clone(), persistent=False)

    def catalog(self) -> Tensor:
        """Return the vectors of the whole catalog, row 0 zero, [n + 1, d]."""
        return self.items.all_items()

    def factors(self) -> Factors | None:
        """Return None: the scores are no sums of products, unless a subclass says so."""
        return None

    def queries(self, batch: Batch, at: Step | None = None) -> Queries:
        """Return the histories' factor of the scores; see `SequenceModel.queries`.

        Raises:
            TypeError: the scores are no sums of products.
        """
        raise TypeError(f"the scores of {type(self).__name__} are no sums of products")

    @abstractmethod
    def score(self, batch: Batch, candidates: Tensor | None = None) -> Tensor:
        """Score items as the one that follows each history; see `SequenceModel.score`."""

    def cached(self) -> Self:
        """Return the same model with the item vectors held in memory; later training does not change them."""
        if isinstance(self.items, CachedItems):
            return self
        return self.with_items(CachedItems(self.catalog(), self.items))

    def with_items(self, items: ItemEncoder) -> Self:
        """Return the model with another item encoder; all other parts are shared, until one of both is given another."""
        other = copy(self)
        other._modules, other._buffers = self._modules.copy(), self._buffers.copy()
        other.items = items
        return other

    def encode_items(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the vectors of items from outside the catalog, [k, d]; see `ItemEncoder.encode`."""
        return self.items.encode(features)

    def extended(self, vectors: Tensor, attributes: Mapping[str, Tensor] = {}) -> Self:
        """Return the model with items at the end of its catalog, by their vectors, [k, d]; see `Extensible`.

        New items have no training events (`known`). A subclass that keeps more of each item than its vector, such as
        attributes, takes those of the new items here.

        Raises:
            TypeError: the model reads attributes and does not take in those of new items.
        """
        if attributes and type(self).extended is ItemBasedModel.extended:
            raise TypeError(
                f"{type(self).__name__} reads attributes, so it must take in those of new items in `extended`"
            )
        encoder = self.items.encoder if isinstance(self.items, CachedItems) else self.items
        matrix = torch.cat([self.catalog(), vectors])
        other = self.with_items(CachedItems(matrix, encoder, inductive=self.items.inductive))
        other.known = nn.functional.pad(self.known, (0, len(vectors)))
        return other
