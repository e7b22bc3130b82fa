"""Batches of histories for evaluation; targets of one user share a forward pass where the model is causal."""

from collections.abc import Generator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.data.batches import Batch, batches_in_order
from embrec.data.interactions import Interactions
from embrec.data.sequences import consecutive, target_sequences
from embrec.data.splits import Positions

_HISTORIES_AT_A_TIME = 1 << 15  # histories whose events are gathered at once: about 20 MB for each 50 events


class ForwardBatch(NamedTuple):
    """A batch of histories, and the targets that are predicted from them.

    Attributes:
        targets: indices of the targets, [M].
        batch: B histories.
        at: row of the batch and last step of its history for each target, both [M]; step -1 for an empty history.
    """

    targets: NDArray[np.int64]
    batch: Batch
    at: tuple[Tensor, Tensor]


def forward_batches(
    interactions: Interactions,
    targets: Positions,
    max_length: int,
    batch_size: int,
    *,
    hidden: NDArray[np.bool_] | None = None,
    shared: bool = False,
) -> Generator[ForwardBatch, None, None]:
    """Yield batches of histories, like lengths together, until every target has been asked for once.

    The history of a target is the last `max_length` events before it. If the output of a model at an event does not depend on
    later events, all targets of a user whose histories begin at the user's first event share one forward pass.

    Args:
        interactions: the log.
        targets: the events to be predicted, [T].
        max_length: the longest history.
        batch_size: histories a batch, at most.
        hidden: items whose events are left out of the histories, [n]; none if None. Nothing is shared then.
        shared: True if targets of a user may share a forward pass.
    """
    read = _Plan.shared(targets, max_length) if shared and hidden is None else _Plan.single(targets)
    order = np.argsort(np.minimum(read.histories.position, max_length), kind="stable")
    by_reading = np.argsort(read.of_target, kind="stable")
    ptr = np.concatenate([[0], np.cumsum(np.bincount(read.of_target, minlength=len(order)))])
    for start in range(0, len(order), _HISTORIES_AT_A_TIME):
        chunk = order[start : start + _HISTORIES_AT_A_TIME]
        sequences = target_sequences(interactions, read.histories.select(chunk), max_length, hidden)
        for rows, batch in batches_in_order(sequences, batch_size):
            first = ptr[chunk[rows]]
            count = ptr[chunk[rows] + 1] - first
            row = np.repeat(np.arange(len(rows)), count)
            asked = by_reading[consecutive(first, count)]
            # Steps are counted back from the end, because the number of events cut from the front differs by pass.
            step = sequences.lengths[rows][row] - 1 - read.before_end[asked]
            yield ForwardBatch(asked, batch, (torch.from_numpy(row), torch.from_numpy(step)))


class _Plan(NamedTuple):
    """The histories to read.

    Attributes:
        histories: user and end of each history, [R].
        of_target: history that each target needs, [T].
        before_end: number of events at the end of this history that the target must not see, [T].
    """

    histories: Positions
    of_target: NDArray[np.int64]
    before_end: NDArray[np.int64]

    @classmethod
    def single(cls, targets: Positions) -> "_Plan":
        return cls(targets, np.arange(len(targets)), np.zeros(len(targets), dtype=np.int64))

    @classmethod
    def shared(cls, targets: Positions, max_length: int) -> "_Plan":
        whole = targets.position <= max_length
        users, reading = np.unique(targets.user[whole], return_inverse=True)
        longest = np.zeros(len(users), dtype=np.int64)
        np.maximum.at(longest, reading, targets.position[whole])
        histories = Positions(
            np.concatenate([users, targets.user[~whole]]), np.concatenate([longest, targets.position[~whole]])
        )
        of_target = np.empty(len(targets), dtype=np.int64)
        of_target[whole] = reading
        of_target[~whole] = len(users) + np.arange(int((~whole).sum()))
        before_end = np.zeros(len(targets), dtype=np.int64)
        before_end[whole] = longest[reading] - targets.position[whole]
        return cls(histories, of_target, before_end)
