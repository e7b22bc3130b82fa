"""Times of a log: the first event of each item, ties, and whether times of different users are comparable."""

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.errors import DataError


def first_times(interactions: Interactions, n_items: int) -> NDArray[np.int64]:
    """Return the time of each item's first event, the largest int64 for items without events, [n]."""
    first = np.full(n_items, np.iinfo(np.int64).max)
    np.minimum.at(first, interactions.item, interactions.time)
    return first


def has_relative_times(interactions: Interactions) -> bool:
    """Return True if times are positions in histories: the first events of most users, of at least three, share one time."""
    present = interactions.lengths > 0
    first = interactions.time[interactions.user_ptr[:-1][present]]
    if len(first) < 3:
        return False
    return bool(np.unique(first, return_counts=True)[1].max() > len(first) / 2)


def require_timestamps(interactions: Interactions, instead: str) -> None:
    """Refuse a log whose times cannot be compared across users.

    Args:
        interactions: log.
        instead: alternative for such a log, for the message.

    Raises:
        DataError: the times are positions in histories.
    """
    if has_relative_times(interactions):
        raise DataError(
            "the first events of most users share one time, so the times of this log are positions in histories, not "
            f"timestamps; import it with real timestamps, or use {instead}"
        )


def tied_with_previous(interactions: Interactions) -> NDArray[np.bool_]:
    """Return True for events with the same time as the previous event of their user, [E]."""
    tied = np.zeros(len(interactions), dtype=bool)
    tied[1:] = (interactions.user[1:] == interactions.user[:-1]) & (interactions.time[1:] == interactions.time[:-1])
    return tied
