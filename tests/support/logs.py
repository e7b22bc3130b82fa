"""Small interaction logs."""

import numpy as np

from embrec.data.interactions import Interactions


def toy_log(n_users: int = 60, n_items: int = 20, seed: int = 0) -> Interactions:
    """Users who walk through the items in order, mostly: something a sequence model can learn."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(4, 12, n_users)
    starts = generator.integers(0, n_items, n_users)
    histories = [(start + np.arange(length)) % n_items for start, length in zip(starts, lengths, strict=True)]
    user_ids = np.array([f"u{user:02d}" for user in range(n_users)], dtype=object)
    items = np.concatenate(histories)
    return Interactions.from_events(user_ids, np.repeat(np.arange(n_users), lengths), items, np.arange(len(items)))


def log_of(rows, times=None) -> Interactions:
    """One history of catalog rows a user; their times, in the same shape, are 0, 1, 2, ... over all events if None."""
    user = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    item = np.array([item for row in rows for item in row])
    time = np.arange(len(item)) if times is None else np.array([time for row in times for time in row])
    return Interactions.from_events(np.array([f"u{n}" for n in range(len(rows))], dtype=object), user, item, time)


def shortened(log: Interactions, events: int, *, first: bool = False) -> Interactions:
    """The log without each user's last events, or first ones: an earlier export of the same shop, or one that forgets."""
    place = log.position
    kept = place >= events if first else place < log.lengths[log.user] - events
    return Interactions.from_events(log.user_ids, log.user[kept], log.item[kept], log.time[kept])
