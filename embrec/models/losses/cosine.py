"""Cosine: the query should point where the next item's own vector points.

Source: [semikin2019] eq. 2. There are no negatives, so the targets must be vectors that training cannot move (the raw
features): otherwise all vectors would become one. It underfits beside the ranking losses, in [semikin2019] and here.
"""

from torch import Tensor
from torch.nn import functional as F


def cosine(queries: Tensor, targets: Tensor) -> Tensor:
    """Return 1 - cosine of each step, [M].

    Args:
        queries: [M, d].
        targets: vectors of the next items, [M, d].
    """
    return 1 - F.cosine_similarity(queries, targets, dim=1)
