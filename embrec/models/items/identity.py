"""The item encoder of identity: a trained vector for each item."""

import torch
from torch import Tensor, nn

from embrec.models.items.base import ItemEncoder
from embrec.models.items.layers import DenseLayers


class IdEmbedding(ItemEncoder):
    """A trained vector for each item, whatever its content.

    Items without training events have a zero vector: a random one would be noise.

    Args:
        known: True for the items with training events, [n + 1] (row 0 is padding).
        dim: length of the trained vectors.
        standard_deviation: standard deviation of the initial vectors; the published identity source uses 1.
        layers: two dense layers after them, as the published identity source has.
    """

    inductive = False
    known: Tensor

    def __init__(
        self, known: Tensor, dim: int, standard_deviation: float = 0.05, layers: DenseLayers | None = None
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
