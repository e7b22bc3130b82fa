"""Checks for new items and new users: test targets whose item or user has no training event."""

import numpy as np

from embrec.data.interactions import Interactions
from embrec.data.splits import Partition
from embrec.evaluation.leaks.report import Check, Status, percent, share


def new_items(interactions: Interactions, partition: Partition) -> Check:
    """Count the test targets whose item has no training event; the value is their share."""
    items = interactions.item[partition.test.events(interactions)]
    new = ~partition.train_items[items]
    found = share(int(new.sum()), len(items))
    counts = {
        "test targets": len(items),
        "of items without training events": int(new.sum()),
        "such items": len(np.unique(items[new])),
    }
    if not found:
        return Check("new items", Status.OK, found, counts, "every test target's item has training events")
    return Check(
        "new items",
        Status.NOTE,
        found,
        counts,
        f"{percent(found)} of the test targets are of items without training events, {counts['such items']:,} items: "
        "models by identity cannot find them; read the metrics of warm and cold items apart",
    )


def new_users(interactions: Interactions, partition: Partition) -> Check:
    """Count the test targets whose user has no training event; the value is their share."""
    trained = np.zeros(interactions.n_users, dtype=bool)
    trained[partition.train.user] = True
    users = partition.test.user
    new = ~trained[users]
    found = share(int(new.sum()), len(users))
    counts = {
        "test targets": len(users),
        "of users without training events": int(new.sum()),
        "such users": len(np.unique(users[new])),
    }
    if not found:
        return Check("new users", Status.OK, found, counts, "every test target's user has training events")
    return Check(
        "new users",
        Status.NOTE,
        found,
        counts,
        f"{percent(found)} of the test targets are of users without training events, {counts['such users']:,} users: "
        "they are known by their histories alone",
    )
