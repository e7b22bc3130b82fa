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
