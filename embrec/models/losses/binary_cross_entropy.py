"""Binary cross-entropy: is this item the next one, asked of the positive and of each negative by itself.

SASRec [kang2018] trains so with one negative. Sampling makes the positives look likelier than they are;
gBCE [petrov2023] calibrates that away by a power of the positive's probability, and made many
negatives worth having.
"""

from torch import Tensor
from torch.nn import functional as F


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
