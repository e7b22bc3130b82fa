"""Cosine: the query should have the direction of the next item's vector.

There are no negatives, so the targets must be vectors that training does not change (the raw features); otherwise all vectors
would collapse to one. Ranking losses give better results, in [semikin2019] and here. Source: [semikin2019] eq. 2.
"""

from typing import ClassVar, Literal

from torch import Tensor
from torch.nn import functional as F

from embrec.models.losses.config import Loss, Needs, TargetForm


def cosine(queries: Tensor, targets: Tensor) -> Tensor:
    """Return 1 - cosine of each step, [M].

    Args:
        queries: query of each step, [M, d].
        targets: vector of each step's next item, [M, d].
    """
    return 1 - F.cosine_similarity(queries, targets, dim=1)


class Cosine(Loss):
    """Cosine: the query should have the direction of the next item's vector; there are no negatives.

    Use it to measure the quality of content vectors alone, with vectors that training does not change (`model.source=content`,
    `model.fc=false`); otherwise all vectors would collapse to one. Ranking losses give better results, in the paper and here.

    Loss = 1 - cos(query, vector of the next item). Source: [semikin2019] eq. 2.

    Examples:
        >>> import torch
        >>> Cosine().target_form()(torch.eye(2), torch.tensor([[2.0, 0.0], [0.0, -1.0]]))
        tensor([0., 2.])
    """

    name: Literal["cosine"] = "cosine"
    needs: ClassVar[Needs] = "nothing"

    def target_form(self) -> TargetForm:
        """Return the loss as a function; see `Loss`."""
        return cosine
