"""Checks of times: training events later than the test targets, and ties that leave the order of events open."""

import numpy as np
from numpy.typing import NDArray

from embrec.data.preparation import INPUT_ORDER
from embrec.data.splits import Partition
from embrec.data.store import Dataset
from embrec.data.timeline import Timeline, timeline
from embrec.data.times import tied_with_previous
from embrec.evaluation.leaks.report import MANY, Check, Status, percent, share
from embrec.parameters import call

_DEVIATIONS = 4.0  # standard deviations that are still chance: one trial of 16,000 has more
_SLIGHT = 0.05  # distance from a half that is too small to matter, even if it is significant


def time_overlap(dataset: Dataset, partition: Partition) -> Check:
    """Look for training events of other users that are later than a test target.

    The value is the share of test targets with at least one such event. The counts also give the mean share of the training
    events that are later than a target. If the times are only positions in histories, the value is None.
    """
    name = "time overlap"
    log = dataset.interactions
    meaning_of_times = timeline(dataset)
    if meaning_of_times == Timeline.PLACES:
        return Check(
            name,
            Status.NOTE,
            None,
            {"test targets": len(partition.test)},
            "most users start at the same time, so the times look like places in the histories; whether training knows "
            "events that are later than a test target cannot be checked; import the log with real times if the source has them",
        )
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
        name,
        Status.NOTE,
        found,
        counts,
        f"for {percent(found)} of the test targets other users' training events are later, in the mean {percent(overlap)} of "
        f"all training events{clock}: training knows trends that a shop would not know yet; "
        f"to leave them out, divide at a point in time ({call('GlobalTime')})",
    )


def ties(dataset: Dataset, partition: Partition) -> Check:
    """Look for events of a user with equal times, whose order is that of the input.

    The value is the share of test targets with the same time as the event right before them.
    """
    log = dataset.interactions
    tied = np.append(tied_with_previous(log), False)
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
    shuffled = dataset.meta.get("preparation", {}).get("ties", INPUT_ORDER)
    if shuffled != INPUT_ORDER:
        return Check(
            name,
            Status.NOTE,
            found,
            counts,
            f"{much}; their order was drawn by chance at import ({call('PreparationConfig', ties=shuffled)})",
        )
    order = dataset.meta.get("import", {}).get("arguments", {}).get("order_column")
    if order:
        return Check(
            name, Status.NOTE, found, counts, f"{much}; column {order!r} of the source decides which came first"
        )
    return Check(
        name,
        Status.WARNING if found >= MANY else Status.NOTE,
        found,
        counts,
        f"{much}; there the order of the input decides what is the target, so take care that it is the true one, "
        f"or name a column that has it ({call('TableSource', order_column='...')})",
    )


def order_in_ties(dataset: Dataset, partition: Partition) -> Check:
    """Check whether events of a user with equal times are sorted by item id.

    The value is the share of ascending ids among the pairs of consecutive tied events of different items. Ids are compared as
    texts and, if all are whole numbers, as numbers; the share further from a half is reported. Without sorting, a half is
    expected. The deviation that chance may cause is that of a binomial distribution, which is too generous for runs of more
    than two tied events. A model that knows items by their ids would learn this order, though no user produced it.
    """
    log, name = dataset.interactions, "order in ties"
    second = np.flatnonzero(tied_with_previous(log))
    second = second[log.item[second] != log.item[second - 1]]
    tied_targets = share(int(tied_with_previous(log)[partition.test.events(log)].sum()), len(partition.test))
    counts: dict[str, int | float] = {"pairs of tied events of different items": len(second)}
    if not len(second):
        return Check(name, Status.OK, None, counts, "no two events of a user with different items have the same time")
    orders = {"ids": _places(dataset.catalog.item_ids.astype(str))}
    if (numbers := _whole_numbers(dataset.catalog.item_ids)) is not None:
        orders["ids as numbers"] = _places(numbers)
    shares = {
        what: _ascending(places[log.item[second - 1]], places[log.item[second]]) for what, places in orders.items()
    }
    counts |= {f"share with ascending {what}": value for what, value in shares.items()}
    what, found = max(shares.items(), key=lambda one: abs(one[1] - 0.5))
    by_chance = _DEVIATIONS * 0.5 / np.sqrt(len(second))
    said = f"{percent(found)} of {len(second):,} pairs of consecutive events at the same moment have ascending {what}"
    if abs(found - 0.5) <= max(by_chance, _SLIGHT):
        return Check(name, Status.OK, found, counts, f"{said}, about the half that chance gives")
    return Check(
        name,
        Status.WARNING if tied_targets >= MANY else Status.NOTE,
        found,
        counts,
        f"{said}, where chance gives half of them: the source sorted them, and models that know items by identity, or count "
        "what follows what, learn that order, which no customer made; see how much of a result hangs on it by a second "
        f"import with their order drawn by chance ({call('PreparationConfig', ties='shuffle:seed=0')}), and by "
        f"{call('compare_runs', dimensions=['tied'])}",
    )


def _places(values: NDArray) -> NDArray[np.int64]:
    """Return the rank of each value, equal for equal values, [n]."""
    places: NDArray[np.int64] = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return places


def _whole_numbers(ids: NDArray[np.object_]) -> NDArray | None:
    """Return ids as whole numbers; None if some are not."""
    texts = ids.astype(str)
    if not np.char.isdecimal(texts).all():
        return None
    fits = np.char.str_len(texts).max(initial=0) <= 18  # digits that always fit into an int64
    return texts.astype(np.int64) if fits else np.array([int(text) for text in texts], dtype=object)


def _ascending(before: NDArray[np.int64], after: NDArray[np.int64]) -> float:
    """Return the share of ascending pairs; equal numbers, such as 7 and 007, count half."""
    return float((after > before).mean() + 0.5 * (after == before).mean())
