"""Batches of histories of like length: padding costs as much as work, so as little of it as possible is made."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.data.sequences import Sequences


@dataclass(frozen=True)
class Batch:
    """B histories, right-padded with 0 to the longest, L steps.

    Attributes:
        items: tensor ids, [B, L].
        times: seconds, [B, L].
        lengths: valid steps of each row, [B].
        targets: the tensor id to be predicted at each step, 0 = none, [B, L].
        query_time: when the last prediction is asked for, [B].
        user: user indices, [B].
    """

    items: Tensor
    times: Tensor
    lengths: Tensor
    targets: Tensor
    query_time: Tensor
    user: Tensor

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on another device."""
        return Batch(**{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})

    def pinned(self) -> "Batch":
        """Return the batch in memory that a GPU can read by itself, so that moving it there need not be waited for."""
        return Batch(**{name: value.pin_memory() for name, value in vars(self).items()})


def collate(sequences: Sequences, rows: NDArray[np.integer], width: int = 1) -> Batch:
    """Gather some histories into a right-padded batch of at least `width` steps, without a Python step per event.

    Where `sequences` have targets, the whole history is the input and its last step predicts the target; otherwise each
    event predicts the one after it and the last event is only a target.
    """
    start = sequences.ptr[rows]
    lengths = sequences.ptr[rows + 1] - start
    inputs = lengths if sequences.target is not None else lengths - 1
    width = max(width, int(inputs.max(initial=0)))
    steps = np.arange(width)
    valid = steps < inputs[:, None]  # [B, L]
    index = np.where(valid, start[:, None] + steps, 0)
    items = np.where(valid, sequences.items[index], 0) if len(sequences.items) else np.zeros_like(index)
    times = np.where(valid, sequences.times[index], 0) if len(sequences.times) else np.zeros_like(index)
    if sequences.target is not None and sequences.target_time is not None:
        targets = np.where(steps == (inputs - 1)[:, None], sequences.target[rows][:, None], 0)
        query_time = sequences.target_time[rows]
    else:
        targets = np.where(valid, sequences.items[np.minimum(index + 1, len(sequences.items) - 1)], 0)
        query_time = sequences.times[np.maximum(start + lengths - 1, 0)]
    return Batch(
        items=torch.from_numpy(items.astype(np.int64)),
        times=torch.from_numpy(times.astype(np.int64)),
        lengths=torch.from_numpy(inputs.astype(np.int64)),
        targets=torch.from_numpy(targets.astype(np.int64)),
        query_time=torch.from_numpy(query_time.astype(np.int64)),
        user=torch.from_numpy(sequences.user[rows].astype(np.int64)),
    )


def bucket_boundaries(lengths: NDArray[np.integer], batch_size: int) -> list[int]:
    """Return the last length of each bucket, from the histogram of lengths, by the published rule.

    Walking up the distinct lengths, a bucket closes as soon as it holds at least `batch_size` rows: one bucket a length
    where a length is common, merged buckets in the tail. The authors' code counts the closing length into its bucket
    but then puts it into the next one; here it stays, so that a closed bucket does fill a batch.
    """
    boundaries: list[int] = []
    running = 0
    distinct, counts = np.unique(lengths, return_counts=True)
    for length, count in zip(distinct.tolist(), counts.tolist(), strict=True):
        running += count
        if running >= batch_size:
            boundaries.append(length)
            running = 0
    if distinct.size and (not boundaries or boundaries[-1] < distinct[-1]):
        boundaries.append(int(distinct[-1]))
    return boundaries


class BucketSampler:
    """Draws batches of like length; the order depends on the seed and the epoch only, so it can be resumed anywhere.

    Args:
        lengths: the length of each row, [R].
        batch_size: rows a batch; the last batch of a bucket may be smaller.
        tokens: most entries a batch, padding included (rows times the longest of them); takes the place of `batch_size`. A
            row that is longer makes a batch alone.
        bucket: put rows of like length together; otherwise a batch holds any rows.
        seed: of the order.
        shuffle: draw in random order; otherwise by length, for evaluation.
    """

    def __init__(
        self,
        lengths: NDArray[np.integer],
        batch_size: int,
        *,
        tokens: int | None = None,
        bucket: bool = True,
        seed: int = 0,
        shuffle: bool = True,
    ) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.tokens = tokens
        self.bucket = bucket
        self.seed = seed
        self.shuffle = shuffle
        self.boundaries = bucket_boundaries(self.lengths, batch_size)

    def epoch(self, epoch: int = 0) -> list[NDArray[np.int64]]:
        """Return the rows of every batch of an epoch, in order."""
        if not self.shuffle:
            return self._cut(np.argsort(self.lengths, kind="stable"))
        generator = np.random.default_rng([self.seed, epoch])
        if not self.bucket:
            return self._cut(generator.permutation(len(self.lengths)))
        batches: list[NDArray[np.int64]] = []
        if self.tokens is not None:
            rows = generator.permutation(len(self.lengths))
            batches = self._cut(rows[np.argsort(self.lengths[rows], kind="stable")])
        else:
            bucket_of = np.searchsorted(self.boundaries, self.lengths)
            for bucket in range(len(self.boundaries)):
                batches.extend(self._cut(generator.permutation(np.flatnonzero(bucket_of == bucket))))
        return [batches[i] for i in generator.permutation(len(batches))]

    def _cut(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Cut rows, in their order, into batches as large as they may be."""
        if self.tokens is not None:
            return np.split(rows, token_cuts(self.lengths[rows], self.tokens)) if len(rows) else []
        return [rows[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]


def token_cuts(lengths: NDArray[np.integer], tokens: int) -> list[int]:
    """Return where to cut rows of these lengths, so that each piece's rows times its longest are at most `tokens`.

    Each piece is as long as can be, and at least one row; only the looks at a piece as a whole are steps of Python.

    >>> token_cuts(np.array([1, 1, 2, 2, 5]), 4)
    [2, 4]
    """
    lengths = np.maximum(lengths, 1)  # an empty history is padded to one step
    cuts: list[int] = []
    start = 0
    while start < len(lengths):
        # The longest row is at least as long as the first.
        window = lengths[start : start + tokens // int(lengths[start]) + 1]
        size = np.maximum.accumulate(window) * np.arange(1, len(window) + 1)
        start += max(1, int(np.searchsorted(size, tokens, side="right")))
        cuts.append(start)
    return cuts[:-1]


def batches_in_order(sequences: Sequences, batch_size: int) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Yield (rows, batch) over all histories, like lengths together, each row once."""
    for rows in BucketSampler(sequences.lengths, batch_size, shuffle=False).epoch():
        yield rows, collate(sequences, rows)
