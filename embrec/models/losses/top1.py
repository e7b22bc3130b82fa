"""TOP1 and TOP1-max: GRU4Rec's own pairwise losses, which also pull the scores of negatives to zero.

Source: [hidasi2016] for TOP1; [hidasi2018] for TOP1-max, which weighs the negatives by a softmax of their scores as
BPR-max does. Both are bounded, so that their
gradients fade where BPR-max still learns; they are here for comparison.
"""

from typing import Literal

import torch
from torch import Tensor

from embrec.models.losses.blocks import EXCLUDED
from embrec.models.losses.config import Loss, ScoreForm


def top1(positive: Tensor, negatives: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the negatives of sigmoid(negative - positive) + sigmoid(negative^2), [M].

    Args:
        positive: scores of the next item, [M].
        negatives: scores of the negatives, [M, N].
        mask: True where a negative counts, [M, N]; a step without any has no loss.
    """
    each = (torch.sigmoid(negatives - positive[:, None]) + torch.sigmoid(negatives.square())).masked_fill(~mask, 0.0)
    return each.sum(dim=1) / mask.sum(dim=1).clamp(min=1)


def top1_max(positive: Tensor, negatives: Tensor, mask: Tensor) -> Tensor:
    """Return the same, each negative weighted by the softmax of the negatives' scores, [M]; see `top1`."""
    share = torch.softmax(negatives.masked_fill(~mask, EXCLUDED), dim=1)
    each = torch.sigmoid(negatives - positive[:, None]) + torch.sigmoid(negatives.square())
    return (share * each.masked_fill(~mask, 0.0)).sum(dim=1)


class Top1(Loss):
    """TOP1: the first pairwise loss of GRU4Rec, which also pulls the scores of negatives to zero.

    Use it to compare with results that were trained so; it is bounded, so its gradient fades where BPR-max still learns.

    Loss = mean over negatives j of sigmoid(s_j - s_t) + sigmoid(s_j^2). Source: [hidasi2016].

    Examples:
        >>> import torch
        >>> Top1().score_form(1, 2)(torch.zeros(1), torch.zeros(1, 1), torch.tensor([[True]]))
        tensor([1.])
    """

    name: Literal["top1"] = "top1"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        return top1


class Top1Max(Loss):
    """TOP1-max: TOP1 in which the highest negatives count most.

    Use it to compare with results that were trained so. Each negative's term of TOP1 is weighted by the softmax of the
    negatives' scores instead of equally. Source: [hidasi2018].

    Examples:
        >>> import torch
        >>> Top1Max().score_form(1, 2)(torch.zeros(1), torch.zeros(1, 1), torch.tensor([[True]]))
        tensor([1.])
    """

    name: Literal["top1-max"] = "top1-max"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        return top1_max
