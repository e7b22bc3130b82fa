"""The best k of a catalog whose scores come block by block: most blocks add little, so only what passes a bar is looked at."""

import numpy as np
import torch
from torch import Tensor

from embrec.evaluation.block_counts import BlockCounter


class BestItems:
    """Keeps the k items of the highest scores in each row; among equal scores the lower tensor id is better.

    A block's scores are compared with the k-th best of a row so far. What passes is collected, and merged when it has become as
    much as what is kept; the bar rises with every merge, so that of n scores about k ln(n / width) pass.

    Args:
        rows: B.
        k: how many are kept.
        counter: compares blocks.
    """

    def __init__(self, rows: int, k: int, counter: BlockCounter) -> None:
        device = counter.device
        self.k = k
        self._counter = counter
        self._scores = torch.full((rows, k), -torch.inf, device=device)
        self._ids = torch.zeros((rows, k), dtype=torch.long, device=device)
        self._bar: Tensor | None = None
        self._waiting: list[tuple[Tensor, Tensor, Tensor]] = []  # rows, ids, scores
        self._n_waiting = 0

    def add(self, block: Tensor, first_id: int) -> None:
        """Look at the scores of the next ids, [B, W]; NaN and -inf are never among the best."""
        bar = self._bar if self._bar is not None else self._first_bar(block)
        row, column = self._counter.passing(block, bar)
        if len(row):
            self._waiting.append((row, column + first_id, block[row, column]))
            self._n_waiting += len(row)
        if self._bar is None or self._n_waiting > self._ids.numel():
            self._merge()

    def ids(self) -> Tensor:
        """Return the tensor ids, best first, [B, k]; 0 where a row has fewer."""
        self._merge()
        return self._ids

    def scores(self) -> Tensor:
        """Return their scores, [B, k]; -inf where a row has fewer."""
        self._merge()
        return self._scores

    def _first_bar(self, block: Tensor) -> Tensor:
        """Return what lets the best k of a block pass, and all that equal the last of them: just below the k-th score."""
        if block.shape[1] < self.k:
            return block.new_full((len(block),), -torch.inf)
        lowest = block.nan_to_num(nan=-torch.inf, neginf=-torch.inf, posinf=torch.inf).topk(self.k, dim=1).values[:, -1]
        return torch.nextafter(lowest, lowest.new_tensor(-torch.inf))

    def _merge(self) -> None:
        if self._n_waiting:
            row, ids, scores = (torch.cat(parts) for parts in zip(*self._waiting, strict=True))
            order = torch.argsort(row, stable=True)  # ids of a row stay in increasing order
            row, ids, scores = row[order], ids[order], scores[order]
            counts = torch.bincount(row, minlength=len(self._ids))
            place = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
            width = self.k + int(counts.max())
            all_scores = self._scores.new_full((len(counts), width), -torch.inf)
            all_ids = self._ids.new_zeros((len(counts), width))
            all_scores[:, : self.k], all_ids[:, : self.k] = self._scores, self._ids
            all_scores[row, self.k + place], all_ids[row, self.k + place] = scores, ids
            best = stable_best(all_scores, self.k)
            self._scores, self._ids = all_scores.gather(1, best), all_ids.gather(1, best)
            self._waiting, self._n_waiting = [], 0
        self._bar = self._scores[:, -1].contiguous()


def stable_best(scores: Tensor, k: int) -> Tensor:
    """Return the columns of the k highest scores of each row, best first, the earlier of equals first, [B, k].

    This is the rule of every list: the highest score first, and among equal ones the item that stands first in the catalog.
    """
    if scores.device.type == "cpu":  # sorts short rows several times as fast as torch does
        return torch.from_numpy(np.argsort(-scores.numpy(), axis=1, kind="stable")[:, :k].copy())
    return scores.argsort(dim=1, descending=True, stable=True)[:, :k]
