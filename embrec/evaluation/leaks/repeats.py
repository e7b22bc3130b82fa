"""Checks for repeated events: duplicates in the log, and test targets that are in their own history."""

import numpy as np

from embrec.data.interactions import Interactions
from embrec.data.repeats import is_repeat
from embrec.data.splits import Partition
from embrec.evaluation.leaks.report import Check, Status, graded, percent, share
from embrec.parameters import call, parameter


def duplicates(interactions: Interactions, partition: Partition) -> Check:
    """Look for duplicate events: same user, item and time.

    The value is the share of test targets that duplicate an event of their history.
    """
    log = interactions
    change = np.ones(len(log), dtype=bool)
    change[1:] = (log.user[1:] != log.user[:-1]) | (log.time[1:] != log.time[:-1])
    moment = np.cumsum(change)  # numbers the (user, time) pairs
    repeated = is_repeat(moment, log.item)
    targets = partition.test.events(log)
    found = share(int(repeated[targets].sum()), len(targets))
    counts = {
        "events": len(log),
        "repeats of the same user, item and time": int(repeated.sum()),
        "test targets": len(targets),
        "test targets that are such a repeat": int(repeated[targets].sum()),
    }
    if not repeated.any():
        return Check("duplicate events", Status.OK, found, counts, "no event stands in the log twice")
    return Check(
        "duplicate events",
        Status.WARNING if found else Status.NOTE,
        found,
        counts,
        f"{int(repeated.sum()):,} events repeat another of the same user, item and time, {percent(found)} of the test "
        f"targets are such repeats; drop them at import ({call('PreparationConfig', duplicates='drop')}) unless they are "
        "separate purchases",
    )


def seen_targets(interactions: Interactions, partition: Partition) -> Check:
    """Look for test targets whose item is in the user's history already; the value is their share."""
    repeated = is_repeat(interactions.user, interactions.item)
    targets = partition.test.events(interactions)
    found = share(int(repeated[targets].sum()), len(targets))
    counts = {
        "events": len(interactions),
        "repeats of the same user and item": int(repeated.sum()),
        "test targets": len(targets),
        "test targets in their own history": int(repeated[targets].sum()),
    }
    if not found:
        return Check("seen targets", Status.OK, found, counts, "no test target stands in its own history")
    return Check(
        "seen targets",
        graded(found),
        found,
        counts,
        f"{percent(found)} of the test targets stand in their own history: with seen items excluded, which is the default, "
        "such a target stays a candidate while all else that the user has seen is removed, so it is found too easily; "
        f"keep seen items ({parameter('evaluation.seen', 'keep')}), or keep a pair's first event only "
        f"({call('PreparationConfig', duplicates='first')})",
    )
