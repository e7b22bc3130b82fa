"""The item encoder of content: frozen feature vectors through trained layers."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from embrec.models.items.base import ItemEncoder
from embrec.models.items.layers import Activation, DenseLayers, FrozenVectors
from embrec.models.tables import FrozenTable


class ContentEncoder(ItemEncoder):
    """The frozen vectors of each source through two dense layers, concatenated.

    The same weights encode inputs, targets, candidates and items that are added later.

    Args:
        tables: source name -> frozen vectors.
        dim: output length of each source; `out_dim` is `dim` times the number of sources. None leaves out the layers: the
            frozen vectors are the item vectors.
        dropout: share of the sources' entries dropped in training, so that no item is recognised by a few of them.
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
