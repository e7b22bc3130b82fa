"""Does training know what came after the test targets, and do times decide what the targets are?"""

import numpy as np

from embrec.data.splits import Partition
from embrec.data.store import Dataset
from embrec.data.timeline import Timeline, timeline
from embrec.evaluation.leaks.report import MANY, Check, Status, percent, share


def time_overlap(dataset: Dataset, partition: Partition) -> Check:
    """Look for training events of other users that are later than a test target.

    The value is the share of test targets for which there is one; with it goes the share of the training events that are
    later than a target, in the mean. Where the times are places in histories nothing can be said.
    """
    name = "time overlap"
    log = dataset.interactions
    meaning_of_times = timeline(dataset)
    if meaning_of_times == Timeline.PLACES:
        return Check(
            name, Status.NOTE, None, {"test targets": len(partition.test)},
            "most users start at the same time, so the times look like places in the histories; whether training knows "
            "events that are later than a test target cannot be told; import the log with real times if the source has them",
        )  # fmt: skip
    training = np.sort(log.time[partition.train.events(log)])
    # A user's own training events are never later than the user's targets, so every later one is another user's.
    later = len(training) - np.searchsorted(training, log.time[partition.test.events(log)], side="right")
    found = share(int((later > 0).sum()), len(later))
    overlap = float(later.mean()) / len(training)
    counts = {
        "test targets": len(later),
        "with a later training event": int((later > 0).sum()),
        "training events later than a target, mean share": overlap,
    }
    clock = (
        "" if meaning_of_times == Timeline.DATES else " (the times are an order, not dates: if it runs across users)"
    )
    if not found:
        return Check(name, Status.OK, found, counts, f"no training event is later than any test target{clock}")
    return Check(
        name, Status.NOTE, found, counts,
        f"for {percent(found)} of the test targets other users' training events are later, in the mean {percent(overlap)} of "
        f"all training events{clock}: training knows trends that a shop would not know yet; "
        "to leave them out, divide at a point in time (--split global-time)",
    )  # fmt: skip


def ties(dataset: Dataset, partition: Partition) -> Check:
    """Look for events of a user that share their time: input order decides which of them came first.

    The value is the share of test targets that have the same time as the event right before them.
    """
    log = dataset.interactions
    tied = np.zeros(len(log) + 1, dtype=bool)  # with the event right before
    tied[1:-1] = (log.user[1:] == log.user[:-1]) & (log.time[1:] == log.time[:-1])
    targets = partition.test.events(log)
    found = share(int(tied[targets].sum()), len(targets))
    events = int((tied[:-1] | tied[1:]).sum())
    counts = {
        "events": len(log),
        "events tied with another of the user": events,
        "test targets": len(targets),
        "test targets tied with the event before": int(tied[targets].sum()),
    }
    name = "ties in time"
    if not events:
        return Check(name, Status.OK, found, counts, "no two events of a user have the same time")
    much = (
        f"{percent(share(events, len(log)))} of the events have the same time as another of their user, "
        f"{percent(found)} of the test targets as the event right before them"
    )
    order = dataset.meta.get("import", {}).get("arguments", {}).get("order_column")
    if order:
        return Check(
            name, Status.NOTE, found, counts, f"{much}; column {order!r} of the source decides which came first"
        )
    return Check(
        name, Status.WARNING if found >= MANY else Status.NOTE, found, counts,
        f"{much}; there the order of the input decides what is the target, so take care that it is the true one, "
        "or name a column that has it (data import --order-column)",
    )  # fmt: skip
