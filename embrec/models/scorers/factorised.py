"""The factorised scorer: a score is an inner product or a cosine."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FactorisedScorer(nn.Module):
    """Score = query . item, or their cosine over a temperature: anything an index of nearest neighbours can serve.

    Under the inner product an item's length carries its popularity, which a new item cannot have yet; the cosine gives every
    item the same length.

    Args:
        metric: "dot" as published, or "cosine".
        temperature: divisor of the cosines; a small one makes the softmax sharp.
        biases: tensor ids that have a trained bias each, added to their scores: n + 1, or 0 for none. It is one more
            dimension of the projected vectors, so that code for inner products needs no special case. Items added
            later have none.
    """

    def __init__(self, metric: Literal["dot", "cosine"] = "dot", temperature: float = 0.07, biases: int = 0) -> None:
        super().__init__()
        self.metric = metric
        self.temperature = temperature
        self.bias = nn.Parameter(torch.zeros(biases)) if biases else None

    def project_queries(self, queries: Tensor, user: Tensor | None = None) -> Tensor:
        """Bring queries into the space where the score is an inner product.

        Args:
            queries: [..., d].
            user: the vectors of their users, [..., d_u]; this scorer does not read them.
        """
        queries = F.normalize(queries, dim=-1) / self.temperature if self.metric == "cosine" else queries
        return queries if self.bias is None else F.pad(queries, (0, 1), value=1.0)

    def project_items(self, items: Tensor) -> Tensor:
        """Bring the vectors of a catalog [n + 1, d] into the same space."""
        items = F.normalize(items, dim=-1) if self.metric == "cosine" else items
        if self.bias is None:
            return items
        return torch.cat([items, F.pad(self.bias, (0, len(items) - len(self.bias)))[:, None]], dim=1)
