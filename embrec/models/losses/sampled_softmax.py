"""Sampled softmax: cross-entropy over a sample of the catalog, corrected for the sampling distribution (logQ).

An item that is drawn often would be pushed down too often. Subtracting the logarithm of its expected number of draws makes the
sample represent the whole catalog. [khrylchenko2025] notes that the positive is not drawn, but always present, so that it must
neither be among the sampled terms nor be corrected. The gradient of the full softmax is then (1 - p) times the gradient of
(log-sum-exp of the negatives - positive), where p is the positive's probability.

Source: [bengio2003], [yi2019], [khrylchenko2025].
"""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from embrec.models.losses.blocks import EXCLUDED, Kernel, Offsets
from embrec.models.losses.config import Loss, Needs, ScoreForm
from embrec.models.losses.cross_entropy import cross_entropy, cross_entropy_kernel


def sampled_softmax(positive: Tensor, negatives: Tensor, mask: Tensor) -> Tensor:
    """Return the positive-aware loss of each step, [M], in nats.

    Args:
        positive: scores of the next item, [M].
        negatives: scores of the negatives, each minus the logarithm of its expected number of draws, [M, N].
        mask: True where a negative counts, [M, N]; a step without any has no loss.
    """
    of_negatives = torch.logsumexp(negatives.masked_fill(~mask, EXCLUDED), dim=1)
    with torch.no_grad():  # the probability 1 - p of all items but the positive
        uncertainty = torch.sigmoid(of_negatives - positive)
    return (uncertainty * (of_negatives - positive)).masked_fill(~mask.any(dim=1), 0.0)


def sampled_softmax_kernel(scores: Tensor, targets: Tensor, with_gradient: bool) -> Tensor:
    """Return the positive-aware loss for blocks of scores; see `Kernel`."""
    column = targets[:, None]
    positive = scores.gather(1, column).squeeze(1)
    scores.scatter_(1, column, EXCLUDED)
    highest = scores.amax(dim=1)
    alone = highest < EXCLUDED / 2
    torch.softmax(scores, dim=1, out=scores)
    difference = highest - scores.amax(dim=1).log() - positive
    uncertainty = torch.sigmoid(difference).masked_fill_(alone, 0.0)
    if with_gradient:
        slope = uncertainty[:, None]
        scores.mul_(slope)
        scores.scatter_(1, column, -slope)
    return (uncertainty * difference).masked_fill_(alone, 0.0)


class SampledSoftmax(Loss):
    """Sampled softmax: cross-entropy over a sample of the catalog, corrected for the sampling distribution (logQ).

    Use it if the catalog is too large for all items as negatives: with `negatives=1024` and more it comes close to
    cross-entropy. `positive-aware` does not correct the next item, which is always present; `plain` corrects it as if it had
    been drawn.

    With s'_j = s_j - log(expected number of draws of j): loss = u (log sum_j exp(s'_j) - s_t), where u = 1 - p is the
    probability of all items but t, without a gradient of its own. Source: [bengio2003], [yi2019], [khrylchenko2025].

    Examples:
        >>> import torch
        >>> SampledSoftmax().score_form(1, 2)(torch.zeros(1), torch.zeros(1, 1), torch.tensor([[True]]))  # equal scores
        tensor([0.])
        >>> SampledSoftmax().needs, SampledSoftmax().correction
        ('sample', 'positive-aware')
    """

    name: Literal["sampled-softmax"] = "sampled-softmax"
    needs: ClassVar[Needs] = "sample"
    correction: Annotated[
        Literal["positive-aware", "plain"],
        Field(description="correction of the next item: none with positive-aware, as if it were drawn with plain"),
    ] = "positive-aware"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function of corrected scores; see `Loss`."""
        return cross_entropy if self.correction == "plain" else sampled_softmax

    def kernel(self, negatives: int, catalog: int) -> Kernel:
        """Return the loss for blocks of corrected scores; see `Loss`."""
        return cross_entropy_kernel if self.correction == "plain" else sampled_softmax_kernel

    def offsets(self, log_expected: Offsets) -> Offsets | None:
        """Return the correction, minus `log_expected`; see `Loss`."""
        positives = log_expected.positives
        return Offsets(-log_expected.negatives, -positives if self.correction == "plain" else positives * 0)
