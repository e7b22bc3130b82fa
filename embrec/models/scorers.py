"""Scorers: how a query and an item vector become a score."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F


class FactorisedScorer(nn.Module):
    """Score = query . item, or their cosine over a temperature: anything an index of nearest neighbours can serve.

    Under the inner product an item's length carries its popularity, which a new item cannot have yet; the cosine gives every
    item the same length.

    Args:
        metric: "dot" as published, or "cosine".
        temperature: what cosines are divided by; a small one makes the softmax sharp.
    """

    def __init__(self, metric: Literal["dot", "cosine"] = "dot", temperature: float = 0.07) -> None:
        super().__init__()
        self.metric = metric
        self.temperature = temperature

    def project_queries(self, queries: Tensor) -> Tensor:
        """Bring queries [..., d] into the space where the score is an inner product."""
        return F.normalize(queries, dim=-1) / self.temperature if self.metric == "cosine" else queries

    def project_items(self, items: Tensor) -> Tensor:
        """Bring item vectors [..., d] into the same space."""
        return F.normalize(items, dim=-1) if self.metric == "cosine" else items

    def forward(self, queries: Tensor, items: Tensor) -> Tensor:
        """Score projected queries [B, d] against projected items [C, d] -> [B, C] or [B, C, d] -> [B, C]."""
        if items.dim() == 3:
            return (items @ queries[:, :, None]).squeeze(-1)
        return queries @ items.T
