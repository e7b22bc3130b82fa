"""Cosine: the query should point where the next item's own vector points.

Source: [semikin2019] eq. 2. There are no negatives, so the targets must be vectors that training cannot move (the raw
features): otherwise all vectors would become one. It underfits beside the ranking losses, in [semikin2019] and here.
"""

from typing import ClassVar, Literal

from torch import Tensor
from torch.nn import functional as F

from embrec.models.losses.config import Loss, Needs, TargetForm


def cosine(queries: Tensor, targets: Tensor) -> Tensor:
    """Return 1 - cosine of each step, [M].

    Args:
        queries: [M, d].
        targets: vectors of the next items, [M, d].
    """
    return 1 - F.cosine_similarity(queries, targets, dim=1)


class Cosine(Loss):
    """Cosine: the query should point where the vector of the next item points; no negatives.

    Use it to see how far content alone goes, with vectors that training does not move (`model.source=content`,
    `model.fc=false`); otherwise all vectors would become one. Ranking losses are better, in the paper and here.

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
