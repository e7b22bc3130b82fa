"""Slices of the targets by partition, history length, popularity and ties, to see which targets a model serves well."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.data.splits import Label, Partition
from embrec.data.times import tied_with_previous
from embrec.evaluation.evaluator import Evaluation

Mask = NDArray[np.bool_]

_LENGTHS = (1, 2, 3, 5, 10, 20, 50)  # the shortest of each bucket
_LABELS = {Label.OBSERVED: "observed", Label.NEW_USER: "new user", Label.NEW_ITEM: "new item"}


def target_slices(
    interactions: Interactions,
    partition: Partition,
    evaluation: Evaluation,
    present: Mapping[str, Mask] | None = None,
) -> dict[str, dict[str, Mask]]:
    """Return the targets of each slice, dimension -> slice -> [T]; each target is in one slice of a dimension.

    The dimensions, without empty slices:

    - `partition`: whether training knows user and item;
    - `history`: the number of events before the target;
    - `popularity`: the popularity of the target's item. The most popular items, with half of all training events, are the head,
      the next ones, up to 90 %, the middle, the others the tail;
    - `tied`: whether the event before the target has the same time, so that input order decides which of them is the target;
    - one for each feature source: whether the item has a vector.

    Args:
        interactions: the log.
        partition: split of the log.
        evaluation: evaluation of the test targets.
        present: feature source -> True for items that have a vector, [n].
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
    """Return the rows in each bucket of history lengths, name -> [T].

    Args:
        lengths: length of each history, [T].
        firsts: shortest length of each bucket, increasing; 0 is a bucket of its own.

    >>> {name: rows.tolist() for name, rows in length_slices(np.array([0, 3]), (1, 3)).items()}
    {'0': [True, False], '1 to 2': [False, False], '3 or more': [False, True]}
    """
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
    """Return the items of the head and those of the middle, both [n].

    Counted from the most popular item on, the head has half of all events, head and middle together have 90 %.

    Args:
        counts: training events of each item, [n].

    >>> [items.tolist() for items in popularity_buckets(np.array([1, 6, 3, 0]))]
    [[False, True, False, False], [False, False, True, False]]
    """
    order = np.argsort(-counts, kind="stable")
    before = np.concatenate([[0], np.cumsum(counts[order])[:-1]])
    head, middle = np.zeros(len(counts), dtype=bool), np.zeros(len(counts), dtype=bool)
    head[order] = (before < 0.5 * counts.sum()) & (counts[order] > 0)
    middle[order] = (before < 0.9 * counts.sum()) & (counts[order] > 0)
    return head, middle & ~head
