"""Top-k items of scores that come block by block, of which only those above a rising bar are kept."""

import numpy as np
import torch
from torch import Tensor

from embrec.evaluation.block_counts import BlockCounter


class BestItems:
    """Keeps the k items with the highest scores of each row; among equal scores the lower tensor id is better.

    The scores of a block are compared with a bar, the k-th best score of the row so far. Scores above it are collected, and
    merged with the best items once there are as many of them. Each merge raises the bar, so that about k ln(n / width) of n
    scores pass.

    Args:
        rows: number of rows, B.
        k: number of items kept for each row.
        counter: counter that compares blocks with the bar.
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
        """Add the scores of the next items; NaN and -inf are never among the best.

        Args:
            block: scores, [B, W].
            first_id: tensor id of the first column.
        """
        bar = self._bar if self._bar is not None else self._first_bar(block)
        row, column = self._counter.passing(block, bar)
        if len(row):
            self._waiting.append((row, column + first_id, block[row, column]))
            self._n_waiting += len(row)
        if self._bar is None or self._n_waiting > self._ids.numel():
            self._merge()

    def ids(self) -> Tensor:
        """Return the tensor ids, best first, [B, k]; filled up with 0 if a row has fewer."""
        self._merge()
        return self._ids

    def scores(self) -> Tensor:
        """Return the scores of these items, [B, k]; filled up with -inf if a row has fewer."""
        self._merge()
        return self._scores

    def _first_bar(self, block: Tensor) -> Tensor:
        """Return a bar just below the k-th score of a block, so that its best k and all equal to the last of them pass."""
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
    """Return the columns of the k highest scores of each row, best first, [B, k].

    All lists of items follow this order: the highest score first, and among equal scores the item that is first in the catalog.
    """
    if scores.device.type == "cpu":  # NumPy sorts short rows several times as fast as torch
        return torch.from_numpy(np.argsort(-scores.numpy(), axis=1, kind="stable")[:, :k].copy())
    return scores.argsort(dim=1, descending=True, stable=True)[:, :k]
