"""Binary cross-entropy: is this item the next one, asked of the positive and of each negative by itself.

SASRec [kang2018] trains so with one negative. Sampling makes the positives look likelier than they are;
gBCE [petrov2023] calibrates that away by a power of the positive's probability, and made many
negatives worth having.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from embrec.distributions import Searchable, Uniform
from embrec.models.losses.config import Loss, Needs, ScoreForm


def binary_cross_entropy(positive: Tensor, negatives: Tensor, mask: Tensor, *, power: float = 1.0) -> Tensor:
    """Return the mean over positive and negatives of the binary cross-entropy, [M], in nats.

    Args:
        positive: scores of the next item, [M].
        negatives: scores of the negatives, [M, N].
        mask: True where a negative counts, [M, N].
        power: of the positive's probability; see `calibrated_power`.
    """
    of_negatives = F.softplus(negatives).masked_fill(~mask, 0.0).sum(dim=1)
    return (power * F.softplus(-positive) + of_negatives) / (1 + mask.sum(dim=1))


def calibrated_power(negatives: int, items: int, calibration: float) -> float:
    """Return gBCE's power, [petrov2023] eq. 17: 1 leaves binary cross-entropy as it is, the sampling rate calibrates fully.

    Args:
        negatives: sampled for each step.
        items: of the catalog.
        calibration: t, from 0 (none) to 1 (full); the authors advise .75 to 1.
    """
    rate = min(1.0, negatives / max(1, items - 1))
    return rate * (calibration * (1 - 1 / rate) + 1 / rate)


class BinaryCrossEntropy(Loss):
    """Binary cross-entropy: whether each item is the next one, asked of each by itself.

    Use it to reproduce SASRec, which trains with one negative for each step. Sampling makes next items look likelier than they
    are: `gbce` calibrates that.

    Loss = (-log sigmoid(s_t) - sum_j log(1 - sigmoid(s_j))) / (1 + N). Source: [kang2018].

    Examples:
        >>> import torch
        >>> BinaryCrossEntropy().score_form(1, 2)(torch.zeros(1), torch.zeros(1, 1), torch.tensor([[True]]))  # log 2
        tensor([0.6931])
    """

    name: Literal["bce"] = "bce"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        return binary_cross_entropy


class CalibratedBinaryCrossEntropy(Loss):
    """gBCE: binary cross-entropy, calibrated for the share of the catalog that is sampled.

    Use it for SASRec with many sampled negatives (256, say): probabilities are then neither too high, as after `bce`, nor does
    training stop early. The probability of the next item is raised to the power
    r (t (1 - 1 / r) + 1 / r), with sampling rate r and `calibration` t; t = 0 is `bce`. Source: [petrov2023] eq. 17.

    Examples:
        >>> calibrated_power(negatives=10, items=101, calibration=1.0)  # the sampling rate
        0.1
        >>> CalibratedBinaryCrossEntropy().needs
        'sample'
    """

    name: Literal["gbce"] = "gbce"
    needs: ClassVar[Needs] = "sample"
    calibration: Annotated[float, Field(ge=0, le=1, description="0 = none, 1 = full"), Searchable(Uniform(0, 1))] = 0.75

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        power = calibrated_power(negatives, catalog, self.calibration)
        return lambda *scores: binary_cross_entropy(*scores, power=power)
