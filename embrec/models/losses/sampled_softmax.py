"""Sampled softmax: cross-entropy over a sample of the catalog, corrected for how the sample was drawn.

An item that is drawn often would be pushed down too often; subtracting the logarithm of how often it is drawn (logQ)
makes the sample stand for the whole catalog. [khrylchenko2025] notes that the positive is not drawn but always there,
so that it belongs neither among the sampled terms nor under the correction: the gradient of the full softmax is (1 - p)
times that of positive minus negatives, where p is the positive's probability and the negatives'
shares are among themselves alone.

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
        negatives: scores of the negatives, each less the logarithm of how often a sample holds it, [M, N].
        mask: True where a negative counts, [M, N]; a step without any has no loss.
    """
    of_negatives = torch.logsumexp(negatives.masked_fill(~mask, EXCLUDED), dim=1)
    with torch.no_grad():  # the probability that the model gives to anything but the positive
        uncertainty = torch.sigmoid(of_negatives - positive)
    return (uncertainty * (of_negatives - positive)).masked_fill(~mask.any(dim=1), 0.0)


def sampled_softmax_kernel(scores: Tensor, targets: Tensor, with_gradient: bool) -> Tensor:
    """The same of scores in blocks; see `Kernel`."""
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
    """Sampled softmax: cross-entropy over a sample of the catalog, corrected for how often an item is drawn.

    Use it where the catalog is too large for all items as negatives: with `negatives=1024` and more it comes close to
    cross-entropy. The scores of negatives are reduced by the logarithm of how often a sample holds them (logQ).
    `positive-aware` does not correct the next item, which is always there; `plain` corrects it as if it had been drawn.
    Source: [bengio2003], [yi2019], [khrylchenko2025].

    Examples:
        >>> SampledSoftmax().needs, SampledSoftmax().correction
        ('sample', 'positive-aware')
    """

    name: Literal["sampled-softmax"] = "sampled-softmax"
    needs: ClassVar[Needs] = "sample"
    correction: Annotated[
        Literal["positive-aware", "plain"],
        Field(description="positive-aware (2025), or plain (2019): the positive corrected as if it had been drawn"),
    ] = "positive-aware"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function of corrected scores; see `Loss`."""
        return cross_entropy if self.correction == "plain" else sampled_softmax

    def kernel(self, negatives: int, catalog: int) -> Kernel:
        """Return the kernel, for corrected scores."""
        return cross_entropy_kernel if self.correction == "plain" else sampled_softmax_kernel

    def offsets(self, log_expected: Offsets) -> Offsets | None:
        """Return the correction."""
        positives = log_expected.positives
        return Offsets(-log_expected.negatives, -positives if self.correction == "plain" else positives * 0)
