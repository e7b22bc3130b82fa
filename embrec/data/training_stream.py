"""Training events in the order of time, for models that observe every event.

The training events of all users are cut, in their order in time, into micro-batches. Each event is predicted from its user's
history before the micro-batch, by a model that has observed all events of earlier micro-batches; then it observes those of this
one. So no score sees an event of its own micro-batch. Every epoch begins with a model that has observed nothing.
"""

from dataclasses import fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from embrec.data.batches import Batch, collate
from embrec.data.events import Events, in_time_order
from embrec.data.interactions import Interactions
from embrec.data.sequences import Sequences, target_sequences
from embrec.data.splits import Partition, Positions


class TrainingStream:
    """The training events in the order of time, a row each.

    The first event of a user's history, and any other with no history before its micro-batch, has no loss: it is only observed.

    Args:
        interactions: the log.
        partition: division of the log by its split.
        max_length: the longest history, in events.
        batch_size: number of events of a micro-batch.
    """

    def __init__(self, interactions: Interactions, partition: Partition, max_length: int, batch_size: int) -> None:
        events = partition.train.events(interactions)  # sorted by user and position
        self.log = replace(
            interactions,
            user=interactions.user[events],
            item=interactions.item[events],
            time=interactions.time[events],
            context={name: values[events] for name, values in interactions.context.items()},
        )
        self.max_length = max_length
        self.batch_size = batch_size
        self._order = in_time_order(self.log, np.arange(len(self.log)))  # row -> event

    def __len__(self) -> int:
        return len(self._order)

    @cached_property
    def _before(self) -> NDArray[np.int64]:
        """The number of its user's events in earlier micro-batches, for each event, [E]."""
        number = np.empty(len(self), dtype=np.int64)
        number[self._order] = np.arange(len(self)) // self.batch_size  # it never falls along a user's events
        keys = self.log.user.astype(np.int64) * (len(self) + 1) + number
        return np.searchsorted(keys, keys) - self.log.user_ptr[self.log.user]

    @cached_property
    def steps(self) -> NDArray[np.int64]:
        """The number of steps with a loss of each row, 0 or 1, [E]."""
        return (self._before[self._order] > 0).astype(np.int64)

    def epoch(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return the rows of each micro-batch, the same in every epoch."""
        return [
            np.arange(start, min(start + self.batch_size, len(self))) for start in range(0, len(self), self.batch_size)
        ]

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """Gather rows into a batch; rows without a loss have no target."""
        events = self._order[rows]
        sequences = self._sequences(events)
        return collate(sequences, np.arange(len(rows)))

    def events(self, rows: NDArray[np.int64]) -> Events:
        """Return the events of rows."""
        return Events.of(self.log, self._order[rows])

    def _sequences(self, events: NDArray[np.int64]) -> Sequences:
        user, before = self.log.user[events].astype(np.int64), self._before[events]
        histories = target_sequences(self.log, Positions(user, before), self.max_length)
        targets = target_sequences(self.log, Positions(user, events - self.log.user_ptr[user]), 0)
        target = {field.name: getattr(targets, field.name) for field in fields(targets) if "target" in field.name}
        assert targets.target is not None
        return replace(histories, **{**target, "target": np.where(before > 0, targets.target, 0)})
