"""Right-padded batches of histories, rows of like length together so that little of a batch is padding."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.data.sequences import Sequences, consecutive


@dataclass(frozen=True)
class Batch:
    """B histories of at most L events, right-padded with 0.

    The event after a step is the one that the step predicts: the next event of the history, and after the last step the event
    that is asked for. Encoders may read its time and its context, which are known when the question is asked, never its item.

    Attributes:
        items: tensor ids of the events read, [B, L].
        times: their times in seconds, [B, L].
        lengths: valid steps of each row, [B].
        targets: tensor id to be predicted at each step, 0 for none, [B, L].
        query_time: time of the event after the last step of each row, [B].
        user: user indices, [B].
        context: numeric columns of the events read, name -> float32 [B, L]; NaN where a value is missing.
        target_context: the same columns of the event after each step, name -> [B, L]; NaN where they are not known.
    """

    items: Tensor
    times: Tensor
    lengths: Tensor
    targets: Tensor
    query_time: Tensor
    user: Tensor
    context: Mapping[str, Tensor] = field(default_factory=dict)
    target_context: Mapping[str, Tensor] = field(default_factory=dict)

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on another device."""
        return self._with(lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> "Batch":
        """Return the batch in page-locked memory, from which a copy to a GPU is asynchronous."""
        return self._with(Tensor.pin_memory)

    def _with(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """Return the batch with every tensor changed."""

        def changed(value: Tensor | Mapping[str, Tensor]) -> Any:
            return change(value) if isinstance(value, Tensor) else {name: change(one) for name, one in value.items()}

        return Batch(**{one.name: changed(getattr(self, one.name)) for one in fields(self)})

    @cached_property
    def target_times(self) -> Tensor:
        """Time of the event after each step, 0 in the padding, [B, L]; computed for the models that read it."""
        following = torch.nn.functional.pad(self.times, (0, 1))[:, 1:]
        steps = torch.arange(self.times.shape[1], device=self.times.device)
        return torch.where(steps == self.lengths[:, None] - 1, self.query_time[:, None], following)


def collate(sequences: Sequences, rows: NDArray[np.integer], width: int = 1) -> Batch:
    """Gather some histories into a right-padded batch of at least `width` steps, without a Python loop over events.

    Where `sequences` have targets, the whole history is read and its last step predicts the target; otherwise each event
    predicts the next one and the last event is only a target.

    Args:
        sequences: the histories.
        rows: indices of those to gather, [B].
        width: smallest number of steps of the batch.
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
    context = {}
    target_context = {}
    for name, values in sequences.context.items():
        # One column more than there are steps: the event after step l stands in column l + 1.
        wide = np.zeros((len(rows), width + 1), dtype=np.float32)
        read = np.arange(width + 1) < lengths[:, None]
        wide[read] = values[consecutive(start, lengths)]
        context[name] = torch.from_numpy(np.where(valid, wide[:, :-1], 0))
        if sequences.target is not None:
            wide[np.arange(len(rows)), inputs] = sequences.target_context[name][rows]
        target_context[name] = torch.from_numpy(np.where(valid, wide[:, 1:], 0))
    return Batch(
        items=torch.from_numpy(items.astype(np.int64)),
        times=torch.from_numpy(times.astype(np.int64)),
        lengths=torch.from_numpy(inputs.astype(np.int64)),
        targets=torch.from_numpy(targets.astype(np.int64)),
        query_time=torch.from_numpy(query_time.astype(np.int64)),
        user=torch.from_numpy(sequences.user[rows].astype(np.int64)),
        context=context,
        target_context=target_context,
    )


def bucket_boundaries(lengths: NDArray[np.integer], batch_size: int) -> list[int]:
    """Return the last length of each bucket, from the histogram of lengths, by the published rule.

    Going up the distinct lengths, a bucket closes as soon as it holds at least `batch_size` rows: a common length has a bucket
    of its own, rare ones share theirs. The authors' code counts the length that closes a bucket into it but then puts it into
    the next one; here it stays, so that a closed bucket fills a batch.

    Args:
        lengths: the length of each row, [R].
        batch_size: rows of a batch.
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
    """A sampler of batches of like length; the order depends on the seed and the epoch only, so training can resume anywhere.

    Args:
        lengths: the length of each row, [R].
        batch_size: rows of a batch; the last batch of a bucket may be smaller.
        tokens: most entries of a batch, padding included (rows times the longest of them); replaces `batch_size`. A longer row
            is a batch of its own.
        bucket: put rows of like length together; otherwise a batch holds any rows.
        seed: seed of the random order.
        shuffle: draw batches in random order; otherwise in order of length, for evaluation.
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
        """Return the rows of each batch of an epoch, in order."""
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
        """Cut rows, in their order, into the largest batches allowed."""
        if self.tokens is not None:
            return np.split(rows, token_cuts(self.lengths[rows], self.tokens)) if len(rows) else []
        return [rows[i : i + self.batch_size] for i in range(0, len(rows), self.batch_size)]


def token_cuts(lengths: NDArray[np.integer], tokens: int) -> list[int]:
    """Return where to cut rows so that in each piece the number of rows times the longest length is at most `tokens`.

    Each piece is as long as possible and has at least one row. Python loops over pieces, not over rows.

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
    """Yield (rows, batch) over all histories, each row once, rows of like length together."""
    for rows in BucketSampler(sequences.lengths, batch_size, shuffle=False).epoch():
        yield rows, collate(sequences, rows)
