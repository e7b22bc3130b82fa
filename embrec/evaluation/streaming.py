"""Evaluation in the order of time, for models that observe every event.

A target is scored by a model that has observed all earlier events: those of its training, and the events of the targets' users
up to their last target, as time passes. Events of the same time as the target are not observed before it. Afterwards the
model's state is the one that it had before.
"""

from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray

from embrec.data.batches import collate
from embrec.data.events import Events, in_time_order
from embrec.data.interactions import Interactions
from embrec.data.sequences import target_sequences
from embrec.data.splits import Partition, Positions
from embrec.evaluation.forward_plan import ForwardBatch
from embrec.models.interface import Stateful


def streamed_batches(
    model: Stateful,
    interactions: Interactions,
    learned: Partition,
    targets: Positions,
    max_length: int,
    batch_size: int,
    *,
    hidden: NDArray[np.bool_] | None = None,
    device: torch.device,
) -> Generator[ForwardBatch, None, None]:
    """Yield targets in the order of time, each when the model has observed what came before it.

    Args:
        model: observes the events between the targets; its state is restored when the iterator ends or is closed.
        interactions: the log.
        learned: how the log was divided for training; its training events have been observed already.
        targets: the events to be predicted, [T].
        max_length: the longest history, in events.
        batch_size: targets scored at a time, at most; they have the same time.
        hidden: items whose events are neither read nor observed, [n]; none if None.
        device: where the model is.
    """
    state = {name: value.clone() for name, value in model.state_dict().items()}
    target = targets.events(interactions)
    order = np.argsort(interactions.time[target], kind="stable")
    times = interactions.time[target[order]]
    stream = _observed(interactions, learned, targets, hidden)
    stream_times = interactions.time[stream]
    seen = 0
    try:
        starts = np.flatnonzero(np.diff(times, prepend=times[:1] - 1))
        for start, stop in zip(starts, [*starts[1:], len(times)], strict=True):
            now = int(np.searchsorted(stream_times, times[start]))
            if now > seen:
                with torch.inference_mode(False), torch.no_grad():  # tensors of inference could not be trained on
                    model.observe(Events.of(interactions, stream[seen:now]).to(device))
                seen = now
            for first in range(start, stop, batch_size):
                rows = order[first : min(first + batch_size, stop)]
                sequences = target_sequences(interactions, targets.select(rows), max_length, hidden)
                batch = collate(sequences, np.arange(len(rows)))
                yield ForwardBatch(rows, batch, (torch.arange(len(rows)), batch.lengths - 1))
    finally:
        with torch.inference_mode(False), torch.no_grad():
            model.load_state_dict(state)


def _observed(
    interactions: Interactions, learned: Partition, targets: Positions, hidden: NDArray[np.bool_] | None
) -> NDArray[np.int64]:
    """Return the events that are observed between targets, in the order of time."""
    last = np.full(interactions.n_users, -1, dtype=np.int64)
    np.maximum.at(last, targets.user, targets.position)
    observed = interactions.position <= last[interactions.user]
    observed[learned.train.events(interactions)] = False
    if hidden is not None:
        observed &= ~hidden[interactions.item]
    return in_time_order(interactions, np.flatnonzero(observed))
