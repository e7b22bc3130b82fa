"""Cross-entropy: the next item as a class among all candidates, the default loss and the strongest in [semikin2019].

It ranks the positive against every candidate at once, so its gradient stays on the candidates that still score too high.
Source: [semikin2019] eq. 4 and 5, with the labels of the batch left out of the negatives; here the softmax is the true
one, over every candidate, unless an exclusion is asked for.
"""

from typing import Literal

import torch
from torch import Tensor

from embrec.models.losses.blocks import EXCLUDED, Kernel
from embrec.models.losses.config import Loss, ScoreForm


def cross_entropy(positive: Tensor, negatives: Tensor, mask: Tensor) -> Tensor:
    """Return the loss of each step from its scores, [M], in nats.

    Args:
        positive: score of the next item, [M].
        negatives: scores of the other candidates, [M, N].
        mask: True where a negative counts, [M, N].
    """
    negatives = negatives.masked_fill(~mask, EXCLUDED)
    return torch.logsumexp(torch.cat([positive[:, None], negatives], dim=1), dim=1) - positive


def cross_entropy_kernel(scores: Tensor, targets: Tensor, with_gradient: bool) -> Tensor:
    """The loss against all items; see `Kernel`."""
    column = targets[:, None]
    positive = scores.gather(1, column).squeeze(1)
    highest = scores.amax(dim=1)
    torch.softmax(scores, dim=1, out=scores)
    # The softmax of the highest score is at least 1 / n, so that its logarithm loses nothing.
    losses = highest - scores.amax(dim=1).log() - positive
    if with_gradient:
        scores.scatter_add_(1, column, scores.new_full(column.shape, -1.0))
    return losses


class CrossEntropy(Loss):
    """Cross-entropy: the next item as a class among all candidates; the default loss.

    Use it first: it ranks the next item against every candidate at once, so that its gradient stays on those that still score
    too high. With all items as negatives (`negatives="all"`) it is the strongest of these losses where the catalog fits.

    With scores s, next item t and negatives j: loss = log(exp(s_t) + sum_j exp(s_j)) - s_t.
    Source: [semikin2019] eq. 4 and 5, [hidasi2016].

    Examples:
        >>> import torch
        >>> mask = torch.tensor([[True, True]])
        >>> CrossEntropy().score_form(2, 3)(torch.zeros(1), torch.zeros(1, 2), mask).exp()  # three equal candidates
        tensor([3.])
    """

    name: Literal["cross-entropy"] = "cross-entropy"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        return cross_entropy

    def kernel(self, negatives: int, catalog: int) -> Kernel:
        """Return the kernel."""
        return cross_entropy_kernel
