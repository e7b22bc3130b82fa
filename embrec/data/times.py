"""What the times of a log tell: when an item came, and whether the times of different users can be compared at all."""

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.errors import DataError


def first_times(interactions: Interactions, n_items: int) -> NDArray[np.int64]:
    """Return the time of each item's first event, the largest number for those without events, [n]."""
    first = np.full(n_items, np.iinfo(np.int64).max)
    np.minimum.at(first, interactions.item, interactions.time)
    return first


def has_relative_times(interactions: Interactions) -> bool:
    """Return whether the log's times only order each history: most of at least three users begin at the very same time."""
    present = interactions.lengths > 0
    first = interactions.time[interactions.user_ptr[:-1][present]]
    if len(first) < 3:
        return False
    return bool(np.unique(first, return_counts=True)[1].max() > len(first) / 2)


def require_timestamps(interactions: Interactions, instead: str) -> None:
    """Refuse a log whose times cannot be compared across users.

    Args:
        interactions: the log.
        instead: what can be used with such a log.

    Raises:
        DataError: its times are places in histories.
    """
    if has_relative_times(interactions):
        raise DataError(
            "the first events of most users share one time, so the times of this log are positions in histories, not "
            f"timestamps; import it with real timestamps, or use {instead}"
        )


def tied_with_previous(interactions: Interactions) -> NDArray[np.bool_]:
    """Return which events have the same time as the event of their user right before them, [E]."""
    tied = np.zeros(len(interactions), dtype=bool)
    tied[1:] = (interactions.user[1:] == interactions.user[:-1]) & (interactions.time[1:] == interactions.time[:-1])
    return tied
