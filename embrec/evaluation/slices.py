"""Slices of the targets: a mean over all of them hides whom a model serves."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.data.splits import Label, Partition
from embrec.data.times import tied_with_previous
from embrec.evaluation.evaluator import Evaluation

Mask = NDArray[np.bool_]

_LENGTHS = (1, 2, 3, 5, 10, 20, 50)  # the first of each bucket
_LABELS = {Label.OBSERVED: "observed", Label.NEW_USER: "new user", Label.NEW_ITEM: "new item"}


def target_slices(
    interactions: Interactions,
    partition: Partition,
    evaluation: Evaluation,
    present: Mapping[str, Mask] | None = None,
) -> dict[str, dict[str, Mask]]:
    """Return which targets belong to which slice, dimension -> slice -> [T]; the slices of a dimension share out the targets.

    Dimensions: `partition` (what training knows of user and item), `history` (events before the target), `popularity` (of the
    target's item: of all training events, the head has the first half by the most popular items, the middle those up to
    90 %, the tail the rest), `tied` (whether the event before the target has the same time, so that the order of the input
    decides which of them is the target), and one a feature source, where items have none. Empty slices are left out.

    Args:
        interactions: the log.
        partition: how it was split.
        evaluation: of its targets.
        present: source of features -> whether an item has any, [n].
    """
    item, position = interactions.item[evaluation.event], interactions.position[evaluation.event]
    tied = tied_with_previous(interactions)[evaluation.event]
    head, middle = popularity_buckets(partition.training_counts(interactions))
    dimensions: dict[str, dict[str, Mask]] = {
        "partition": {name: evaluation.label == label for label, name in _LABELS.items()},
        "history": length_slices(position),
        "popularity": {
            "head": head[item],
            "middle": middle[item],
            "tail": ~(head | middle)[item] & partition.train_items[item],
            "no training event": ~partition.train_items[item],
        },
        "tied": {
            "same moment as the event before": tied,
            "later than the event before": ~tied & (position > 0),
            "no event before": position == 0,
        },
    }
    for source, has in (present or {}).items():
        dimensions[source] = {f"with {source}": has[item], f"without {source}": ~has[item]}
    return {
        dimension: {name: members for name, members in slices.items() if members.any()}
        for dimension, slices in dimensions.items()
    }


def length_slices(lengths: NDArray[np.integer], firsts: Sequence[int] = _LENGTHS) -> dict[str, Mask]:
    """Return which rows have histories of 0, of 1, ... and of 50 and more events, name -> [T]."""
    edges = [0, *firsts, np.iinfo(np.int64).max]
    slices = {}
    for first, after in pairwise(edges):
        if after == edges[-1]:
            name = f"{first} or more"
        else:
            name = f"{first}" if after == first + 1 else f"{first} to {after - 1}"
        slices[name] = (lengths >= first) & (lengths < after)
    return slices


def popularity_buckets(counts: NDArray[np.int64]) -> tuple[Mask, Mask]:
    """Return which items are the head and which the middle, [n] each.

    From the most popular item down: the head together has half of all events, head and middle have 90 %.
    """
    order = np.argsort(-counts, kind="stable")
    before = np.concatenate([[0], np.cumsum(counts[order])[:-1]])
    head, middle = np.zeros(len(counts), dtype=bool), np.zeros(len(counts), dtype=bool)
    head[order] = (before < 0.5 * counts.sum()) & (counts[order] > 0)
    middle[order] = (before < 0.9 * counts.sum()) & (counts[order] > 0)
    return head, middle & ~head
