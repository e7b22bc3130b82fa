"""Histories cut from the log for batching: one row per user for training, one row per target for evaluation."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

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
        target: tensor id to be predicted from the whole history, 0 where it is not known, [R]; None where each event predicts
            the next one.
        target_time: time at which the target is asked for, [R]; None likewise.
        context: numeric columns of the events, name -> float32 [F]; NaN where a value is missing.
        target_context: the same columns of the targets, name -> [R]; empty where each event predicts the next one.
    """

    items: NDArray[np.int32]
    times: NDArray[np.int64]
    ptr: NDArray[np.int64]
    user: NDArray[np.int64]
    target: NDArray[np.int32] | None = None
    target_time: NDArray[np.int64] | None = None
    context: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    target_context: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.user)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The number of events of each history, [R]."""
        return np.diff(self.ptr)

    @property
    def inputs(self) -> NDArray[np.int64]:
        """The number of events of each history that a model reads, [R]: all, or all but the last, which is only predicted."""
        return self.lengths if self.target is not None else self.lengths - 1

    @property
    def steps(self) -> NDArray[np.int64]:
        """The number of predictions made from each history, [R]: one where there is a target, else one for each event read."""
        return self.lengths - 1 if self.target is None else np.ones(len(self), dtype=np.int64)

    @classmethod
    def from_histories(
        cls,
        histories: Iterable[NDArray[np.integer]],
        times: Iterable[Sequence[int] | NDArray[np.integer]] | None = None,
        context: Mapping[str, Iterable[Sequence[float] | NDArray[Any]]] | None = None,
        query_times: Sequence[int] | NDArray[np.integer] | None = None,
        query_context: Mapping[str, Sequence[float] | NDArray[Any]] | None = None,
    ) -> "Sequences":
        """Build sequences from catalog rows, oldest first, one array per history; their user is -1, nobody of a log.

        Args:
            histories: catalog rows of each history.
            times: times of the same events in seconds; 0 if None.
            context: numeric columns of the same events, name -> one array per history.
            query_times: time at which each history is asked for its next event, [R]; the time of its last event if None.
            query_context: what is known of the events asked for, name -> [R]; NaN for columns of `context` that it lacks.

        Raises:
            ValueError: times or context differ from the histories in length.
        """
        rows = list(histories)
        lengths = np.array([len(history) for history in rows], dtype=np.int64)

        def flat(parts: Iterable[Any], dtype: type) -> NDArray[Any]:
            found = [np.asarray(part) for part in parts]
            if [len(part) for part in found] != lengths.tolist():
                raise ValueError("times and context need one value for each event of each history")
            return np.concatenate([*found, np.empty(0, dtype)]).astype(dtype)

        ptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        at = np.zeros(int(ptr[-1]), dtype=np.int64) if times is None else flat(times, np.int64)
        columns = {name: flat(values, np.float32) for name, values in (context or {}).items()}
        asked = {name: np.asarray(values, dtype=np.float32) for name, values in (query_context or {}).items()}
        unknown = np.full(len(rows), np.nan, dtype=np.float32)
        return cls(
            items=(flat(rows, np.int64) + 1).astype(np.int32),
            times=at,
            ptr=ptr,
            user=np.full(len(rows), -1),
            target=np.zeros(len(rows), dtype=np.int32),
            target_time=_last_times(at, ptr) if query_times is None else np.asarray(query_times, dtype=np.int64),
            context=columns,
            target_context={name: asked.get(name, unknown) for name in columns},
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
            context={name: values[flat] for name, values in self.context.items()},
            target_context={name: values[rows] for name, values in self.target_context.items()},
        )


def training_sequences(
    interactions: Interactions, partition: Partition, max_length: int, prefixes: bool = False
) -> Sequences:
    """Return each user's training events, the last `max_length + 1` of them (so `max_length` steps to learn from).

    Users with a single training event have no next item to learn and are left out.

    Args:
        interactions: the log.
        partition: how it is split.
        max_length: the longest history.
        prefixes: make each of these steps a row of its own, with the events before it as history and the next event as target,
            for encoders that give one vector per history. This takes about `max_length / 2` times the memory.
    """
    events = partition.train.events(interactions)  # sorted by user and position
    counts = np.bincount(interactions.user[events], minlength=interactions.n_users)
    users = np.flatnonzero(counts >= 2)
    ends = np.cumsum(counts)[users]
    if prefixes:
        steps = np.minimum(counts[users] - 1, max_length)
        place = consecutive(ends - steps, steps)  # of each target among the training events
        first = np.repeat(ends - counts[users], steps)
        lengths = np.minimum(place - first, max_length)
        flat = events[consecutive(place - lengths, lengths)]
        return _gather(interactions, flat, lengths, np.repeat(users, steps).astype(np.int64), events[place])
    lengths = np.minimum(counts[users], max_length + 1)
    events = events[consecutive(ends - lengths, lengths)]
    return _gather(interactions, events, lengths, users.astype(np.int64))


def target_sequences(
    interactions: Interactions,
    targets: Positions,
    max_length: int,
    hidden: NDArray[np.bool_] | None = None,
) -> Sequences:
    """Return, for each target, the last `max_length` events before it, and the target itself.

    Args:
        interactions: the log.
        targets: events to be predicted, [T].
        max_length: the longest history.
        hidden: True for the items whose events are left out of the histories, [n]; none if None.
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
    return _gather(interactions, flat, kept, targets.user, targets.events(interactions))


def latest_sequences(
    interactions: Interactions, max_length: int, at: int | NDArray[np.integer] | None = None
) -> Sequences:
    """Return each user's last `max_length` events: the histories to recommend from, their targets unknown (0).

    Args:
        interactions: the log.
        max_length: the longest history.
        at: time at which the next event is asked for, one for all users or one a user, [U]; the time of the user's last event
            if None.
    """
    kept = np.minimum(interactions.lengths, max_length)
    flat = consecutive(interactions.user_ptr[1:] - kept, kept)
    found = _gather(interactions, flat, kept, np.arange(interactions.n_users))
    unknown = np.full(len(found), np.nan, dtype=np.float32)
    query = _last_times(found.times, found.ptr) if at is None else np.broadcast_to(np.asarray(at, np.int64), len(found))
    return replace(
        found,
        target=np.zeros(len(found), dtype=np.int32),
        target_time=query,
        target_context=dict.fromkeys(found.context, unknown),
    )


def _gather(
    interactions: Interactions,
    flat: NDArray[np.int64],
    lengths: NDArray[np.int64],
    user: NDArray[np.int64],
    target: NDArray[np.int64] | None = None,
) -> Sequences:
    """Return histories of events of the log.

    Args:
        interactions: the log.
        flat: indices of the events of all histories, one after the other, [F].
        lengths: events of each history, [R].
        user: user of each history, [R].
        target: index of the event that each history predicts, [R]; None where each event predicts the next one.
    """
    context = interactions.numeric_context()
    return Sequences(
        items=_tensor_ids(interactions, flat),
        times=interactions.time[flat],
        ptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        user=user,
        target=None if target is None else _tensor_ids(interactions, target),
        target_time=None if target is None else interactions.time[target],
        context={name: values[flat].astype(np.float32) for name, values in context.items()},
        target_context={} if target is None else {name: v[target].astype(np.float32) for name, v in context.items()},
    )


def _tensor_ids(interactions: Interactions, events: NDArray[np.int64]) -> NDArray[np.int32]:
    return (interactions.item[events] + 1).astype(np.int32, copy=False)


def _last_times(times: NDArray[np.int64], ptr: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the time of the last event of each history, 0 for a history without events, [R]."""
    if not len(times):
        return np.zeros(len(ptr) - 1, dtype=np.int64)
    return np.where(np.diff(ptr) > 0, times[np.maximum(ptr[1:] - 1, 0)], 0)


def consecutive(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `[s, s + 1, ..., s + length - 1]` for each start, concatenated, [sum of lengths]."""
    offsets = np.cumsum(lengths) - lengths
    ranges = np.arange(int(lengths.sum()))
    ranges -= np.repeat(offsets - starts, lengths)  # in place: logs are long
    return ranges
