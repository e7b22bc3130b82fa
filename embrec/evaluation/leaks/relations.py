"""Check of relations between items: whether they were counted from events outside training.

A relation counted from all events contains the test transitions: the last two events of each user are one of its pairs. Take
the test pairs that no training transition supports. Such a relation contains nearly all of them, and hardly any once the
targets are shuffled across users. A relation made from content (same author, accessory of) passes this test too, since it also
knows more than training does. The two differ in the pairs that training does not support: those of a leaking relation are
held-out transitions, while most of those of a content relation occur in no user's events.
"""

import math

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.data.relations import Relations
from embrec.data.splits import Partition
from embrec.evaluation.leaks.report import Check, Status, percent, share

SHUFFLES = 5
# An excess must be at least twice the control, and so many standard errors that chance makes it in one of 700 trials.
_FACTOR, _DEVIATIONS = 2.0, 3.0


def leaking_relations(
    relations: Relations, interactions: Interactions, partition: Partition, *, seed: int = 0
) -> list[Check]:
    """Check each relation for pairs that it can only have from held-out events.

    A test pair is the event before a test target, and the target. The value is the share of the test pairs without support by a
    training transition that are in the relation. Its control is the same share with the targets shuffled across users, which
    keeps the popularity of the targets. The status follows from two rules:

    1. The relation knows more than training: the value is at least twice the control, and above it by three standard errors.
    2. It knows this from held-out events: of its pairs without support by training, more than a share 1 - exp(-2 r) are
       held-out transitions. Here r is the number of held-out transitions for each training transition. This is the share to
       expect of pairs so frequent that training should have contained each of them twice. In a leak it is 1.

    Both together are a warning. The first alone is a note: it is normal for relations made from content.

    Args:
        relations: relations of the catalog.
        interactions: the log.
        partition: split of the log.
        seed: seed of the shuffling.
    """
    n_items = relations.n_items
    targets = partition.test.events(interactions)[partition.test.position > 0]
    heads = interactions.item[targets - 1].astype(np.int64) + 1
    tails = interactions.item[targets].astype(np.int64) + 1
    training = partition.train.events(interactions)
    support = _transitions(interactions, training, n_items)
    everything = _transitions(interactions, np.arange(len(interactions)), n_items)
    transitions = _count(interactions, training)
    ratio = share(_count(interactions, np.arange(len(interactions))) - transitions, transitions)
    true = _Pairs(heads, tails, relations, support)
    generator = np.random.default_rng(seed)
    order = np.concatenate([generator.permutation(len(tails)) for _ in range(SHUFFLES)])
    shuffled = _Pairs(np.tile(heads, SHUFFLES), tails[order], relations, support)
    return [
        _check(relations, name, true, shuffled, place, _held_out(relations, name, support, everything), ratio)
        for place, name in enumerate(relations.names)
    ]


class _Pairs:
    """Pairs of items.

    Attributes:
        held: True where a pair is in a relation, [T, R].
        unsupported: True where no training transition is the same pair, [T].
    """

    def __init__(
        self, heads: NDArray[np.int64], tails: NDArray[np.int64], relations: Relations, support: Relations
    ) -> None:
        other = heads != tails  # no relation contains pairs of an item with itself
        width = relations.n_items + 1
        # The order does not matter for counts, and sorted pairs are looked up faster.
        pair = np.sort(heads[other] * width + tails[other])
        heads, tails = np.divmod(pair, width)
        self.held = relations.holds(heads, tails)
        self.unsupported = ~support.holds(heads, tails)[:, 0]

    def share(self, relation: int) -> float:
        """Return the share of the pairs that are in a relation."""
        return share(int(self.held[:, relation].sum()), len(self.held))

    def unsupported_share(self, relation: int) -> float:
        """Return the share of the pairs without support that are in a relation."""
        return share(int(self.held[self.unsupported, relation].sum()), int(self.unsupported.sum()))


def _transitions(interactions: Interactions, events: NDArray[np.int64], n_items: int) -> Relations:
    return Relations.from_transitions(interactions, events, n_items, first_occurrence=False)


def _count(interactions: Interactions, events: NDArray[np.int64]) -> int:
    """Return the number of transitions: events that follow another event of the same user."""
    return len(events) - int((np.bincount(interactions.user[events]) > 0).sum())


def _held_out(relations: Relations, name: str, support: Relations, everything: Relations) -> tuple[int, int]:
    """Return the number of pairs of a relation without support by training, and how many of these are held-out transitions."""
    heads, tails = relations.pairs(name)
    unsupported = ~support.holds(heads, tails)[:, 0]
    return int(unsupported.sum()), int(everything.holds(heads[unsupported], tails[unsupported]).sum())


def _check(
    relations: Relations,
    relation: str,
    true: _Pairs,
    shuffled: _Pairs,
    place: int,
    held_out: tuple[int, int],
    ratio: float,
) -> Check:
    name = f"relation {relation}"
    pairs, unknown = len(relations.pairs(relation)[0]), relations.unknown.get(relation, 0)
    unsupported, of_held_out = held_out
    found, control = true.unsupported_share(place), shuffled.unsupported_share(place)
    counts = {
        "pairs of the relation": pairs,
        "entries that name no item of the catalog": unknown,
        "test pairs": len(true.held),
        "share of them in the relation": true.share(place),
        "the same, shuffled": shuffled.share(place),
        "test pairs without support by training": int(true.unsupported.sum()),
        "share of them in the relation, without support": found,
        "the same, without support, shuffled": control,
        "pairs of the relation without support by training": unsupported,
        "of these held-out transitions": of_held_out,
    }
    if not found and unknown >= pairs:
        return Check(
            name,
            Status.NOTE,
            found,
            counts,
            f"it relates {pairs:,} pairs of items, and {unknown:,} entries of its lists name no item of the catalog: see "
            "whether they are written as the catalog's ids are",
        )
    if not found:
        return Check(
            name,
            Status.OK,
            found,
            counts,
            f"{percent(true.share(place))} of the test pairs are in the relation ({percent(shuffled.share(place))} shuffled "
            "across users), and training supports each of these",
        )
    error = math.sqrt(
        _variance(found, int(true.unsupported.sum())) + _variance(control, int(shuffled.unsupported.sum()))
    )
    much = (
        f"of the test pairs that no training event supports {percent(found)} are in the relation, {percent(control)} of such "
        "pairs shuffled across users"
    )
    if found < _FACTOR * control or found - control <= _DEVIATIONS * error:
        return Check(name, Status.OK, found, counts, f"{much}: no more than expected by chance")
    explained = share(of_held_out, unsupported)
    if explained <= 1 - math.exp(-2 * ratio):
        return Check(
            name,
            Status.NOTE,
            found,
            counts,
            f"{much}: the relation knows more than training does, which is as it should be if it comes from content; "
            "if it was counted from events, make sure that they were training events",
        )
    return Check(
        name,
        Status.WARNING,
        found,
        counts,
        f"{much}, and {percent(explained)} of what the relation holds beyond training are held-out events: it was counted from "
        "events that the test is made of; build it from partition.train.events(interactions)",
    )


def _variance(value: float, count: int) -> float:
    return value * (1 - value) / count if count else 0.0
