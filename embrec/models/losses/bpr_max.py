"""BPR-max: pairwise ranking that keeps learning when most negatives are already below the positive.

It needs the regularization: without it, all that counts is the difference to the best negatives, and scores drift upwards
together.

Source: [hidasi2018]; [semikin2019] eq. 7, whose printed prefactor 1/|I-| its own code does not have, and whose softmax runs
over the negatives only there.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from embrec.distributions import Searchable, Uniform
from embrec.models.losses.blocks import EXCLUDED, Kernel
from embrec.models.losses.config import Loss, ScoreForm

# What keeps the logarithm finite where no negative is below the positive (as in both publications' code).
_TINY = 1e-24


def bpr_max(
    positive: Tensor, negatives: Tensor, mask: Tensor, *, regularization: float = 1.0, elu: float = 0.0
) -> Tensor:
    """Return -log of the softmax-weighted mean of sigmoid(positive - negative), plus the regularization, [M].

    The softmax over the negatives' own scores makes the highest of them count most; the regularization is the same mean of
    their squares.

    Args:
        positive: scores of the next item, [M].
        negatives: scores of the negatives, [M, N].
        mask: True where a negative counts, [M, N]; a step without any has no loss.
        regularization: weight of the mean squared score.
        elu: if not 0, scores go through an ELU first, down to minus this value, as in the code of [hidasi2018],
            so that negatives far below cost nothing.
    """
    if elu:
        positive, negatives = F.elu(positive, elu), F.elu(negatives, elu)
    negatives = negatives.masked_fill(~mask, EXCLUDED)
    share = torch.softmax(negatives, dim=1)
    below = (share * torch.sigmoid(positive[:, None] - negatives)).sum(dim=1)
    squares = (share * negatives.square()).sum(dim=1)
    losses = -torch.log(below + _TINY) + regularization * squares
    return losses.masked_fill(~mask.any(dim=1), 0.0)


class BprMaxKernel:
    """The loss against all items; see `Kernel`.

    With shares s, b = sigmoid(positive - x), B = sum s b and R = sum s x^2, the gradient is s ((B - b^2) / B +
    regularization (x^2 + 2x - R)) for the score x of a negative, and -sum s b (1 - b) / B for the positive.
    """

    def __init__(self, regularization: float = 1.0, elu: float = 0.0) -> None:
        self.regularization = regularization
        self.elu = elu

    def __call__(self, scores: Tensor, targets: Tensor, with_gradient: bool) -> Tensor:
        """Return the loss of each step; see `Kernel`."""
        column = targets[:, None]
        if self.elu:
            excluded = scores < EXCLUDED / 2
            F.elu_(scores, self.elu)
            scores.masked_fill_(excluded, EXCLUDED)
        positive = scores.gather(1, column)
        scores.scatter_(1, column, EXCLUDED)
        alone = scores.amax(dim=1) < EXCLUDED / 2
        share = torch.softmax(scores, dim=1)
        below = torch.sigmoid(positive - scores)
        mean = torch.linalg.vecdot(share, below)[:, None]
        squares = torch.linalg.vecdot(share, scores.square())[:, None]
        losses = (-torch.log(mean + _TINY) + self.regularization * squares).squeeze(1).masked_fill_(alone, 0.0)
        if with_gradient:
            inverse = 1 / (mean + _TINY)
            below.square_()
            of_positive = (torch.linalg.vecdot(share, below)[:, None] - mean) * inverse
            below.mul_(-inverse).add_(mean * inverse - self.regularization * (1 + squares))
            slope = torch.where(scores > 0, 1.0, scores + self.elu) if self.elu else None
            below.add_(scores.add_(1).square_(), alpha=self.regularization)
            torch.mul(share, below, out=scores)
            if slope is not None:
                scores.mul_(slope)
                of_positive = of_positive * torch.where(positive > 0, 1.0, positive + self.elu)
            scores.scatter_(1, column, of_positive)
            scores.mul_((~alone)[:, None].to(scores.dtype))
        return losses


class BprMax(Loss):
    """BPR-max: pairwise ranking in which the highest negatives count most.

    Use it with many sampled negatives or all items: it keeps learning when most negatives are below the next item already.
    It needs its regularization, without which scores drift upwards together.

    With shares p_j = softmax of the negatives' scores:
    loss = -log sum_j p_j sigmoid(s_t - s_j) + regularization * sum_j p_j s_j^2. Source: [hidasi2018].

    Examples:
        >>> import torch
        >>> mask = torch.tensor([[True]])
        >>> BprMax(regularization=0).score_form(1, 2)(torch.zeros(1), torch.zeros(1, 1), mask)  # as BPR for one negative
        tensor([0.6931])
    """

    name: Literal["bpr-max"] = "bpr-max"
    regularization: Annotated[
        float, Field(ge=0, description="weight of the negatives' squared scores"), Searchable(Uniform(0, 1))
    ] = 1.0
    elu: Annotated[float, Field(ge=0, description="scores go through an ELU, down to minus this; 0 = none")] = 0.0

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        return lambda *scores: bpr_max(*scores, regularization=self.regularization, elu=self.elu)

    def kernel(self, negatives: int, catalog: int) -> Kernel:
        """Return the kernel."""
        return BprMaxKernel(self.regularization, self.elu)
