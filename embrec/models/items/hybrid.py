"""The item encoder of content and identity together."""

from collections.abc import Mapping

import torch
from torch import Tensor

from embrec.models.items.base import ItemEncoder
from embrec.models.items.content import ContentEncoder
from embrec.models.items.identity import IdEmbedding


class Hybrid(ItemEncoder):
    """Content plus a trained residual of identity, so that warm items may differ from what their content says.

    In training, a random share of the items loses its residual at each step, so that content alone must do too. New items have
    no residual.

    Args:
        content: the encoder of the items' content.
        identity: the residual; its `out_dim` equals that of `content`.
        id_dropout: share of the items whose residual is dropped at a training step.
        id_scale: factor of the residual. Adam moves every weight equally fast, and a residual as fast as the content would
            have memorised the training data before the content has learned from them.
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
