"""Scorers: how a query and an item vector become a score."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F


class FactorisedScorer(nn.Module):
    """Score = query . item, or the cosine of the two: anything an index of nearest neighbours can serve.

    Args:
        metric: "dot" as published, or "cosine".
    """

    def __init__(self, metric: Literal["dot", "cosine"] = "dot") -> None:
        super().__init__()
        self.metric = metric

    def project(self, vectors: Tensor) -> Tensor:
        """Bring queries or item vectors [..., d] into the space where the score is their inner product."""
        return F.normalize(vectors, dim=-1) if self.metric == "cosine" else vectors

    def forward(self, queries: Tensor, items: Tensor) -> Tensor:
        """Score projected queries [B, d] against projected items [C, d] -> [B, C] or [B, C, d] -> [B, C]."""
        if items.dim() == 3:
            return (items @ queries[:, :, None]).squeeze(-1)
        return queries @ items.T
