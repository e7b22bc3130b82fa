"""TOP1 and TOP1-max: GRU4Rec's own pairwise losses, which also pull the scores of negatives to zero.

Source: [hidasi2016] for TOP1; [hidasi2018] for TOP1-max, which weighs the negatives by a softmax of their scores as
BPR-max does. Both are bounded, so that their
gradients fade where BPR-max still learns; they are here for comparison.
"""

import torch
from torch import Tensor

from embrec.models.losses.blocks import EXCLUDED


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
