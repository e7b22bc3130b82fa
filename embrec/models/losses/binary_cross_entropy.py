"""Binary cross-entropy: the positive and each negative are classified independently as the next item or not.

SASRec [kang2018] is trained with it and one negative. Sampling makes the model overestimate the probability of positives.
gBCE [petrov2023] corrects this by a power of the positive's probability, so that many negatives are of use.
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
        power: exponent of the positive's probability; see `calibrated_power`.
    """
    of_negatives = F.softplus(negatives).masked_fill(~mask, 0.0).sum(dim=1)
    return (power * F.softplus(-positive) + of_negatives) / (1 + mask.sum(dim=1))


def calibrated_power(negatives: int, items: int, calibration: float) -> float:
    """Return the exponent of gBCE: from 1 (plain binary cross-entropy) to the sampling rate (full calibration).

    Source: [petrov2023] eq. 17.

    Args:
        negatives: number of negatives sampled for each step.
        items: number of items in the catalog.
        calibration: t, from 0 (none) to 1 (full); the authors recommend 0.75 to 1.
    """
    rate = min(1.0, negatives / max(1, items - 1))
    return rate * (calibration * (1 - 1 / rate) + 1 / rate)


class BinaryCrossEntropy(Loss):
    """Binary cross-entropy: each item is classified by itself as the next one or not.

    Use it to reproduce SASRec, which is trained with one negative for each step. Such a model overestimates the
    probability of next items, which `gbce` corrects.

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

    Use it for SASRec with many sampled negatives, such as 256, where `bce` overestimates probabilities.

    Loss = `bce` with the probability of the next item raised to the power r (t (1 - 1 / r) + 1 / r), where r is the sampling
    rate and t the `calibration`; t = 0 is `bce`. Source: [petrov2023] eq. 17.

    Examples:
        >>> calibrated_power(negatives=10, items=101, calibration=1.0)  # the sampling rate
        0.1
        >>> CalibratedBinaryCrossEntropy().needs
        'sample'
    """

    name: Literal["gbce"] = "gbce"
    needs: ClassVar[Needs] = "sample"
    calibration: Annotated[
        float, Field(ge=0, le=1, description="degree of calibration: 0 = none, 1 = full"), Searchable(Uniform(0, 1))
    ] = 0.75

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        power = calibrated_power(negatives, catalog, self.calibration)
        return lambda *scores: binary_cross_entropy(*scores, power=power)
