"""Detection of repeated events."""

import numpy as np
from numpy.typing import NDArray


def is_repeat(owner: NDArray[np.integer], value: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return True where an earlier entry has the same owner and value, [E].

    Args:
        owner: for example the user of each event, [E]; fastest if equal owners are adjacent.
        value: for example the item of each event, from 0, [E].

    >>> is_repeat(np.array([0, 0, 0, 1]), np.array([7, 5, 7, 7])).tolist()
    [False, False, True, False]
    """
    key = owner.astype(np.int64) * (int(value.max(initial=0)) + 1) + value
    order = np.argsort(key, kind="stable")  # of equal keys the earliest comes first
    key = key[order]
    repeat = np.zeros(len(key), dtype=bool)
    repeat[order[1:]] = key[1:] == key[:-1]
    return repeat
