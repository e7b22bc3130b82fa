"""The layers between a source's frozen vectors and the item vectors."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from embrec.features.products import steady_product
from embrec.models.dropout import dropout
from embrec.models.tables import FrozenTable

Activation = Literal["relu", "none"]


class DenseLayers(nn.Module):
    """Two dense layers over a frozen table, without an activation after the second.

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

    def encode(self, vectors: Tensor) -> Tensor:
        """Return the vectors of new items, [k, d_s]."""
        return vectors
