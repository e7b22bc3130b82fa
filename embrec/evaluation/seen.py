"""Seen items of users, looked up for a batch of targets at a time: for all targets together they exceed the log many times."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.data.repeats import is_repeat
from embrec.data.sequences import consecutive
from embrec.data.splits import Positions
from embrec.data.times import first_times
from embrec.evaluation.ranks import NotCandidates


class SeenItems:
    """Finds the distinct items in the histories of targets.

    Args:
        interactions: the log.
    """

    def __init__(self, interactions: Interactions) -> None:
        self._interactions = interactions

    @cached_property
    def _first(self) -> NDArray[np.bool_]:
        """The events that are the first of a user with an item, [E]; most of the work, and not every protocol needs it."""
        return ~is_repeat(self._interactions.user, self._interactions.item)

    def before(self, positions: Positions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return row and tensor id of the distinct items before each position, both [P]."""
        return self._within(self._interactions.user_ptr[positions.user], positions.position)

    def excluded(self, positions: Positions, targets: NDArray[np.int64]) -> NotCandidates:
        """Return the items before each position as no candidates, except its target.

        Args:
            positions: places of B targets.
            targets: tensor ids of the targets, [B].
        """
        row, item = self.before(positions)
        other = item != targets[row]
        return NotCandidates(row[other], item[other])

    def ever(self, positions: Positions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return row and tensor id of the distinct items of each position's user, before and after it, both [P]."""
        return self._within(self._interactions.user_ptr[positions.user], self._interactions.lengths[positions.user])

    def _within(
        self, starts: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        row = np.repeat(np.arange(len(starts)), lengths)
        event = consecutive(starts, lengths)
        first = self._first[event]
        return row[first], self._interactions.item[event[first]].astype(np.int64) + 1


def seen_since(interactions: Interactions, n_items: int) -> NDArray[np.int64]:
    """Return the time of each tensor id's first event, the largest int64 for the padding and for items without events, [n + 1].

    Args:
        interactions: the log.
        n_items: size of the catalog, n.
    """
    return np.concatenate([[np.iinfo(np.int64).max], first_times(interactions, n_items)])
