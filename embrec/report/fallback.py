"""Measures of fallback: how often a model recommends mostly popular items to users with diverse histories.

[semikin2019] sec. 4.2 saw this for "a sizable proportion" of users (Fig. 8). Here that proportion is counted, as follows.

A list is *mostly popular* if at least half of its items are among the most popular 1 % of the catalog (by training events,
ties by catalog order, at least 20 items). A history is *diverse* if the mean cosine between the vectors of its last ten items
is lower than the median over all test targets. A list is a *fallback* if it is mostly popular and follows a diverse history
that is not mostly popular itself; a user of mostly popular items may simply like them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.evaluation.lists import intra_list_similarity

POPULAR_SHARE, POPULAR_LEAST = 0.01, 20
MOSTLY = 0.5
LAST = 10  # last items of a history that are considered


@dataclass(frozen=True)
class Fallback:
    """Popular items in the lists of one model.

    Attributes:
        share: share of popular items in each list, [T].
        is_mostly: True if the list is mostly popular, [T].
        is_fallback: True if the list is mostly popular after a diverse history that is not mostly popular itself, [T].
        most_listed: catalog rows of the ten items that appear in the most lists.
        most_listed_share: share of these ten items among all places in all lists.
    """

    share: NDArray[np.float64]
    is_mostly: NDArray[np.bool_]
    is_fallback: NDArray[np.bool_]
    most_listed: NDArray[np.int64]
    most_listed_share: float


def popular_items(popularity: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return a mask of the popular items, [n].

    Args:
        popularity: number of training events of each item, [n].

    >>> popular_items(np.arange(3000)).sum()
    np.int64(30)
    """
    size = min(len(popularity), max(POPULAR_LEAST, round(POPULAR_SHARE * len(popularity))))
    popular = np.zeros(len(popularity), dtype=bool)
    popular[np.argsort(-popularity, kind="stable")[:size]] = True
    return popular & (popularity > 0)


@dataclass(frozen=True)
class HistoryLists:
    """Diversity and popularity of the histories before the targets.

    Attributes:
        diversity: 1 - mean cosine between the vectors of the last items, [T]; NaN if there are fewer than two items.
        popular: share of popular items among the last items, [T]; NaN if there are none.
    """

    diversity: NDArray[np.float64]
    popular: NDArray[np.float64]

    @property
    def is_diverse(self) -> NDArray[np.bool_]:
        """True if the history is more diverse than the median, [T]."""
        known = self.diversity[~np.isnan(self.diversity)]
        return self.diversity > (np.median(known) if len(known) else np.inf)


def describe_histories(
    interactions: Interactions, events: NDArray[np.int64], vectors: NDArray[np.float32], popular: NDArray[np.bool_]
) -> HistoryLists:
    """Return diversity and popularity of the last items before each target.

    Args:
        interactions: the log.
        events: row of each target in the log, [T].
        vectors: item vectors of the catalog, [n, d].
        popular: mask of the popular items, [n].
    """
    length = np.minimum(interactions.position[events], LAST)
    steps = np.arange(LAST)
    valid = steps < length[:, None]  # [T, LAST]
    items = interactions.item[np.maximum(events[:, None] - 1 - steps, 0)]
    similarity = intra_list_similarity(np.where(valid, items + 1, 0), vectors)
    diversity = np.where(length >= 2, 1 - similarity, np.nan)
    share = np.where(length >= 1, (popular[items] & valid).sum(axis=1) / np.maximum(length, 1), np.nan)
    return HistoryLists(diversity, share)


def fallback(lists: NDArray[np.int64], popular: NDArray[np.bool_], histories: HistoryLists) -> Fallback:
    """Return how much of the lists of one model is popular.

    Args:
        lists: catalog rows, best first, padded with -1, [T, k].
        popular: mask of the popular items, [n].
        histories: histories before the targets.
    """
    there = lists >= 0
    sizes = np.maximum(there.sum(axis=1), 1)
    share = (popular[lists] & there).sum(axis=1) / sizes
    is_mostly = share >= MOSTLY
    own = np.nan_to_num(histories.popular) >= MOSTLY
    counts = np.bincount(lists[there], minlength=len(popular))
    most = np.argsort(-counts, kind="stable")[:10]
    return Fallback(
        share, is_mostly, is_mostly & histories.is_diverse & ~own, most, counts[most].sum() / max(1, there.sum())
    )
