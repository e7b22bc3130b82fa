"""BPR: each negative on its own should score below the positive.

Easy to learn from few negatives; with many, most are below the positive already and the mean over them fades: then
`bpr-max` learns more.

Source: [rendle2009]; [semikin2019] eq. 6.
"""

from typing import Literal

from torch import Tensor
from torch.nn import functional as F

from embrec.models.losses.blocks import EXCLUDED, Kernel
from embrec.models.losses.config import Loss, ScoreForm


def bpr(positive: Tensor, negatives: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the negatives of -log sigmoid(positive - negative), [M], in nats.

    Args:
        positive: scores of the next item, [M].
        negatives: scores of the negatives, [M, N].
        mask: True where a negative counts, [M, N]; a step without any has no loss.
    """
    each = F.softplus(negatives - positive[:, None]).masked_fill(~mask, 0.0)
    return each.sum(dim=1) / mask.sum(dim=1).clamp(min=1)


def bpr_kernel(scores: Tensor, targets: Tensor, with_gradient: bool) -> Tensor:
    """The loss against all items; see `Kernel`."""
    column = targets[:, None]
    positive = scores.gather(1, column)
    scores.scatter_(1, column, EXCLUDED)
    # Excluded scores outweigh all others, so the sum tells how many there are in a fraction of the time of comparing.
    count = (scores.shape[1] - (scores.sum(dim=1) / EXCLUDED).round_()).clamp_(min=1)
    scores -= positive
    losses = _sum_of_softplus(scores) / count
    if with_gradient:
        scores.sigmoid_().mul_((1 / count)[:, None])
        scores.scatter_(1, column, -scores.sum(dim=1, keepdim=True))
    return losses


def _sum_of_softplus(x: Tensor) -> Tensor:
    """Return the sum of log(1 + exp(x)) of each row, [r, C] -> [r].

    It is max(x, 0) - log(sigmoid(|x|)), and as no sigmoid here is below a half, the logarithms of 64 are taken as one of their
    product: an exponential and a multiplication an entry, where softplus takes an exponential and a logarithm.
    """
    below = x.abs().sigmoid_()
    whole = below.shape[1] // 64 * 64
    logarithms = below[:, :whole].unflatten(1, (-1, 64)).prod(dim=2).log_().sum(dim=1)
    return x.clamp(min=0).sum(dim=1) - logarithms - below[:, whole:].log().sum(dim=1)


class Bpr(Loss):
    """BPR: each negative by itself should score below the next item.

    Use it with few negatives and small models. With many, most are below the next item already, and their mean loss and its
    gradient fade: `bpr-max` then learns more.

    Loss = mean over negatives j of -log sigmoid(s_t - s_j). Source: [rendle2009].

    Examples:
        >>> import torch
        >>> mask = torch.tensor([[True]])
        >>> Bpr().score_form(1, 2)(torch.zeros(1), torch.zeros(1, 1), mask)  # log 2
        tensor([0.6931])
    """

    name: Literal["bpr"] = "bpr"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        return bpr

    def kernel(self, negatives: int, catalog: int) -> Kernel:
        """Return the kernel."""
        return bpr_kernel
