"""Where a target ranks among its candidates, by counting the scores above it: no sort, and no more than a block of scores."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Ties = Literal["mean", "optimistic", "pessimistic"]


@dataclass(frozen=True)
class Excluded:
    """Pairs of batch row and tensor id that are no candidates, each pair once; both [P]."""

    row: Tensor
    item: Tensor


def ranks(scores: Tensor, targets: Tensor, excluded: Excluded, ties: Ties = "mean") -> tuple[Tensor, Tensor]:
    """Rank each row's target among the catalog without the excluded pairs.

    A score that is not a number counts as the lowest; where it is the target's, the target ranks last.

    Args:
        scores: of the whole catalog, [B, n + 1]; the padding column is ignored.
        targets: tensor ids, [B]; a target is a candidate even where it stands among the excluded.
        excluded: pairs that are no candidates.
        ties: mean = greater + ties / 2 + 1, optimistic = greater + 1, pessimistic = greater + ties + 1.

    Returns:
        Ranks from 1, [B] float64, and the number of candidates, [B] float64.
    """
    of_target = scores.gather(1, targets[:, None])  # [B, 1]
    undefined = of_target.isnan()
    greater = (scores[:, 1:] > of_target).sum(dim=1)
    at_least = (scores[:, 1:] >= of_target).sum(dim=1)
    excluded_pair = excluded.item != targets[excluded.row]
    row, item = excluded.row[excluded_pair], excluded.item[excluded_pair]
    of_excluded = scores[row, item]
    threshold = of_target[row, 0]
    greater -= torch.bincount(row[of_excluded > threshold], minlength=len(scores))
    at_least -= torch.bincount(row[of_excluded >= threshold], minlength=len(scores))
    candidates = scores.shape[1] - 1 - torch.bincount(row, minlength=len(scores))
    tied = at_least - greater - 1
    share = {"mean": 0.5, "optimistic": 0.0, "pessimistic": 1.0}[ties]
    rank = greater + tied * share + 1
    return torch.where(undefined[:, 0], candidates, rank).double(), candidates.double()
