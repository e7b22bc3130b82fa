"""Item encoders: how an item becomes the vector that the sequence model reads and the query is compared with."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from embrec.features.products import steady_product
from embrec.models.config import ItemsConfig
from embrec.models.dropout import dropout
from embrec.models.tables import FrozenTable

Activation = Literal["relu", "none"]


class ItemEncoder(nn.Module):
    """Base of the item encoders.

    Attributes:
        out_dim: d, the length of an item vector.
        inductive: whether items that training never saw get a meaningful vector.
    """

    out_dim: int
    inductive: bool

    def all_items(self) -> Tensor:
        """Return the vectors of the whole catalog, row 0 (padding) zero, [n + 1, d]."""
        raise NotImplementedError

    def forward(self, ids: Tensor) -> Tensor:
        """Return the vectors of tensor ids of any shape, [..., d]."""
        return F.embedding(ids, self.all_items())

    def encode(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the vectors of items outside the catalog, [k, d], from their feature vectors, source name -> [k, d_s].

        Without dropout or gradients. An item's vector does not depend on the items beside it, to the bit; that of a catalog
        item with the same features agrees with it within rounding.

        Raises:
            TypeError: the encoder knows items only by identity.
        """
        raise TypeError(f"{type(self).__name__} knows items by identity only and cannot encode new ones")


class IdEmbedding(ItemEncoder):
    """A trainable vector for each item: what a model can know of an item without looking at it.

    Items outside the training data keep a zero vector: their rows would be noise.

    Args:
        known: True for the items that training sees, [n + 1] (row 0 is padding).
        dim: length of the trained vectors.
        standard_deviation: of the initial vectors; the published identity source uses 1.
        layers: two dense layers after them, as the published identity source has.
    """

    inductive = False
    known: Tensor

    def __init__(
        self, known: Tensor, dim: int, standard_deviation: float = 0.05, layers: "DenseLayers | None" = None
    ) -> None:
        super().__init__()
        self.out_dim = dim
        self.layers = layers
        self.weight = nn.Parameter(torch.randn(len(known), dim) * standard_deviation)
        self.register_buffer("known", known.clone(), persistent=False)

    def all_items(self) -> Tensor:
        """Return the table with the rows of padding and unknown items zero, [n + 1, d]."""
        vectors = self.weight if self.layers is None else self.layers(self.weight)
        return vectors * self.known[:, None]


class DenseLayers(nn.Module):
    """Two dense layers over a frozen table, nothing after the second.

    Args:
        in_dim: length of the source's vectors.
        dim: length of both layers' outputs.
        dropout: share of the source's entries dropped in training.
        activation: after the first layer: "relu" as published, or "none", which makes both one linear map.
    """

    def __init__(self, in_dim: int, dim: int, dropout: float = 0.0, activation: Activation = "relu") -> None:
        super().__init__()
        self.dropout = dropout
        self.activate = F.relu if activation == "relu" else nn.Identity()
        self.first = nn.Linear(in_dim, dim)
        self.second = nn.Linear(dim, dim)
        for layer in (self.first, self.second):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def table(self, table: FrozenTable) -> Tensor:
        """Transform every row of a table, [n + 1, d_s] -> [n + 1, d]."""
        share = self.dropout if self.training else 0.0
        return self.second(self.activate(table.project(self.first.weight, share) + self.first.bias))

    def forward(self, vectors: Tensor) -> Tensor:
        """Transform vectors, [k, d_s] -> [k, d]."""
        vectors = dropout(vectors, self.dropout, self.training)
        return self.second(self.activate(self.first(vectors)))

    def encode(self, vectors: Tensor) -> Tensor:
        """Transform vectors of new items, [k, d_s] -> [k, d]; see `ItemEncoder.encode`."""
        return _steady(self.second, self.activate(_steady(self.first, vectors)))


def _steady(layer: nn.Linear, vectors: Tensor) -> Tensor:
    """Apply a dense layer so that rows do not depend on each other, [k, d_in] -> [k, d_out]."""
    weight = layer.weight.detach()
    product = steady_product(vectors.detach().float().cpu().numpy(), weight.float().cpu().numpy().T)
    return torch.from_numpy(product).to(weight) + layer.bias.detach()


class FrozenVectors(nn.Module):
    """No layers: a source's vectors as they are."""

    def table(self, table: FrozenTable) -> Tensor:
        """Return every row of a table, [n + 1, d_s]."""
        return table.dense()

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the vectors, [k, d_s]."""
        return vectors

    def encode(self, vectors: Tensor) -> Tensor:
        """Return the vectors of new items, [k, d_s]."""
        return vectors


class ContentEncoder(ItemEncoder):
    """What an item is: the frozen vectors of each source through two dense layers, concatenated.

    The same weights encode inputs, targets, candidates and items that arrive later.

    Args:
        tables: source name -> frozen vectors.
        dim: output length of each source; `out_dim` is `dim` times the number of sources. None leaves out the layers: the
            frozen vectors are the item vectors.
        dropout: share of the sources' entries dropped in training, so that no item is known by a few of them.
        activation: between the two layers of each source.
    """

    inductive = True

    def __init__(
        self, tables: Mapping[str, FrozenTable], dim: int | None, dropout: float = 0.0, activation: Activation = "relu"
    ) -> None:
        super().__init__()
        self.sources = tuple(tables)
        # Module names may not hold dots, and table names may.
        self.tables = nn.ModuleList(tables.values())
        self.layers = nn.ModuleList(
            FrozenVectors() if dim is None else DenseLayers(table.dim, dim, dropout, activation)
            for table in tables.values()
        )
        self.out_dim = sum(table.dim if dim is None else dim for table in tables.values())

    def all_items(self) -> Tensor:
        """Return the vectors of the whole catalog, row 0 zero, [n + 1, d]."""
        parts = [layers.table(table) for layers, table in zip(self.layers, self.tables, strict=True)]  # type: ignore[operator]
        vectors = torch.cat(parts, dim=1)
        padding = torch.ones(len(vectors), 1, device=vectors.device)
        padding[0] = 0
        return vectors * padding

    def encode(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the vectors of items outside the catalog, [k, d]; see `ItemEncoder.encode`."""
        return torch.cat(
            [layers.encode(features[name]) for name, layers in zip(self.sources, self.layers, strict=True)],  # type: ignore[operator]
            dim=1,
        )


class Hybrid(ItemEncoder):
    """Content plus a trainable residual of identity: warm items may differ from what they look like.

    In training a random share of the items loses its residual at each step, so that content alone must do too; new items
    have none.

    Args:
        content: what items are.
        identity: the residual; its `out_dim` equals that of `content`.
        id_dropout: share of the items whose residual is dropped at a training step.
        id_scale: what the residual is multiplied by. Adam moves every weight equally fast, and a residual as fast as the
            content would have memorised the training data before the content has learned from them.
    """

    inductive = True

    def __init__(
        self, content: ContentEncoder, identity: IdEmbedding, id_dropout: float, id_scale: float = 1.0
    ) -> None:
        super().__init__()
        self.content = content
        self.identity = identity
        self.id_dropout = id_dropout
        self.id_scale = id_scale
        self.out_dim = content.out_dim

    def all_items(self) -> Tensor:
        """Return the vectors of the whole catalog, row 0 zero, [n + 1, d]."""
        residual = self.identity.all_items() * self.id_scale
        if self.training and self.id_dropout:
            keep = torch.rand(len(residual), 1, device=residual.device) >= self.id_dropout
            residual = residual * keep
        return self.content.all_items() + residual

    def encode(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the vectors of items outside the catalog, by content alone, [k, d]."""
        return self.content.encode(features)


def build_items(config: ItemsConfig, tables: Mapping[str, FrozenTable], known: Tensor) -> ItemEncoder:
    """Compose the item encoder of a model.

    Args:
        config: which source, and its sizes.
        tables: the frozen vectors of each of `config.features`, in that order.
        known: True for the items with training events, [n + 1].
    """
    if config.source == "id":
        layers = DenseLayers(config.dim, config.dim, activation=config.activation) if config.has_fc else None
        return IdEmbedding(known, config.dim, config.id_std, layers)
    dim = config.dim if config.has_fc else None
    content = ContentEncoder(tables, dim, config.feature_dropout, config.activation)
    if config.source == "content":
        return content
    identity = IdEmbedding(known, content.out_dim, standard_deviation=0.0)  # the hybrid starts as the content model
    return Hybrid(content, identity, config.id_dropout, config.id_scale)
