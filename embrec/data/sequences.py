"""Histories cut from the log, ready to be batched: for training one row a user, for evaluation one row a target."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.data.splits import Partition, Positions


@dataclass(frozen=True)
class Sequences:
    """R histories in one flat array, without padding.

    Attributes:
        items: tensor ids (catalog row + 1) of all histories, one after the other, [F].
        times: times of the same events, [F].
        ptr: history r is `ptr[r] : ptr[r + 1]`, [R + 1].
        user: user index of each history, [R].
        target: tensor id to be predicted from the whole history, [R]; None where each step predicts the next one.
        target_time: time at which the target is asked for, [R]; None likewise.
    """

    items: NDArray[np.int32]
    times: NDArray[np.int64]
    ptr: NDArray[np.int64]
    user: NDArray[np.int64]
    target: NDArray[np.int32] | None = None
    target_time: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.user)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The number of events of each history, [R]."""
        return np.diff(self.ptr)

    @classmethod
    def from_histories(cls, histories: Iterable[NDArray[np.integer]]) -> "Sequences":
        """Build sequences from catalog rows, oldest first, one array a history; without times, users numbered in order."""
        rows = list(histories)
        lengths = np.array([len(history) for history in rows], dtype=np.int64)
        items = np.concatenate([*rows, np.empty(0, dtype=np.int64)])
        nothing = np.zeros(len(rows), dtype=np.int64)
        return cls(
            items=(items + 1).astype(np.int32),
            times=np.zeros(len(items), dtype=np.int64),
            ptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            user=np.arange(len(rows)),
            target=nothing.astype(np.int32),
            target_time=nothing,
        )

    def select(self, rows: NDArray[np.integer], max_length: int) -> "Sequences":
        """Return some of the histories, in this order, each cut to its last `max_length` events."""
        ends = self.ptr[rows + 1]
        kept = np.minimum(ends - self.ptr[rows], max_length)
        flat = consecutive(ends - kept, kept)
        return Sequences(
            items=self.items[flat],
            times=self.times[flat],
            ptr=np.concatenate([[0], np.cumsum(kept)]).astype(np.int64),
            user=self.user[rows],
            target=None if self.target is None else self.target[rows],
            target_time=None if self.target_time is None else self.target_time[rows],
        )


def training_sequences(interactions: Interactions, partition: Partition, max_length: int) -> Sequences:
    """Return each user's training events, the last `max_length + 1` of them (so `max_length` steps to learn from).

    Users with a single training event have no next item to learn and are left out.
    """
    events = partition.train.events(interactions)  # sorted by user and position
    counts = np.bincount(interactions.user[events], minlength=interactions.n_users)
    users = np.flatnonzero(counts >= 2)
    ends = np.cumsum(counts)[users]
    lengths = np.minimum(counts[users], max_length + 1)
    events = events[consecutive(ends - lengths, lengths)]
    return _gather(interactions, events, lengths, users.astype(np.int64))


def target_sequences(
    interactions: Interactions,
    targets: Positions,
    max_length: int,
    hidden: NDArray[np.bool_] | None = None,
) -> Sequences:
    """Return, for each target, the last `max_length` events before it, and the target.

    Args:
        interactions: the log.
        targets: the events to be predicted, [T].
        max_length: the longest history.
        hidden: items whose events are left out of the histories, [n]; none if None.
    """
    start = interactions.user_ptr[targets.user]
    lengths = targets.position
    if hidden is None:
        kept = np.minimum(lengths, max_length)
        flat = consecutive(start + lengths - kept, kept)
    else:
        flat = consecutive(start, lengths)
        row = np.repeat(np.arange(len(targets)), lengths)
        visible = ~hidden[interactions.item[flat]]
        flat, row = flat[visible], row[visible]
        visible_counts = np.bincount(row, minlength=len(targets))
        kept = np.minimum(visible_counts, max_length)
        flat = flat[consecutive(np.cumsum(visible_counts) - kept, kept)]
    target_events = targets.events(interactions)
    return _gather(
        interactions,
        flat,
        kept,
        targets.user,
        target=(interactions.item[target_events] + 1).astype(np.int32),
        target_time=interactions.time[target_events],
    )


def latest_sequences(interactions: Interactions, max_length: int) -> Sequences:
    """Return each user's last `max_length` events: what to recommend from, the target still unknown (0)."""
    kept = np.minimum(interactions.lengths, max_length)
    flat = consecutive(interactions.user_ptr[1:] - kept, kept)
    unknown = np.zeros(interactions.n_users, dtype=np.int64)
    return _gather(
        interactions, flat, kept, np.arange(interactions.n_users), unknown.astype(np.int32), target_time=unknown
    )


def _gather(
    interactions: Interactions,
    flat: NDArray[np.int64],
    lengths: NDArray[np.int64],
    user: NDArray[np.int64],
    target: NDArray[np.int32] | None = None,
    target_time: NDArray[np.int64] | None = None,
) -> Sequences:
    return Sequences(
        items=(interactions.item[flat] + 1).astype(np.int32, copy=False),
        times=interactions.time[flat],
        ptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        user=user,
        target=target,
        target_time=target_time,
    )


def consecutive(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `[s, s + 1, ..., s + length - 1]` for each start, concatenated, [sum of lengths]."""
    offsets = np.cumsum(lengths) - lengths
    ranges = np.arange(int(lengths.sum()))
    ranges -= np.repeat(offsets - starts, lengths)  # in place: logs are long
    return ranges
