"""Does a model fall back to popular items? [semikin2019] sec. 4.2 found that it did for "a sizable proportion" of users, though
their histories were diverse (Fig. 8); here that proportion is counted, and it is said what was counted.

A list is *mostly popular* if at least half of it are among the most popular 1 % of the catalog (by training events, ties by
catalog order, no fewer than 20 items). A history is *diverse* if the mean cosine between the vectors of its last ten items is
lower than the median over all test targets. Users whose own history is mostly popular are no case of falling back: they like
what everyone likes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.evaluation.lists import intra_list_similarity

POPULAR_SHARE, POPULAR_LEAST = 0.01, 20
MOSTLY = 0.5
LAST = 10  # items of a history that count


@dataclass(frozen=True)
class Fallback:
    """What the lists of one model have of the popular items.

    Attributes:
        share: of each list that is popular, [T].
        is_mostly: the list is mostly popular, [T].
        is_fallback: it is, after a diverse history that is not mostly popular itself, [T].
        most_listed: catalog rows of the items that stand in the most lists, the first ten.
        most_listed_share: of all places in all lists that those ten take.
    """

    share: NDArray[np.float64]
    is_mostly: NDArray[np.bool_]
    is_fallback: NDArray[np.bool_]
    most_listed: NDArray[np.int64]
    most_listed_share: float


def popular_items(popularity: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which items are popular, from the training events of each, both [n].

    >>> popular_items(np.arange(3000)).sum()
    np.int64(30)
    """
    size = min(len(popularity), max(POPULAR_LEAST, round(POPULAR_SHARE * len(popularity))))
    popular = np.zeros(len(popularity), dtype=bool)
    popular[np.argsort(-popularity, kind="stable")[:size]] = True
    return popular & (popularity > 0)


@dataclass(frozen=True)
class HistoryLists:
    """What is known of the histories before the targets.

    Attributes:
        diversity: 1 - mean cosine between the vectors of the last items; NaN where there are fewer than two, [T].
        popular: share of the last items that are popular; NaN where there are none, [T].
    """

    diversity: NDArray[np.float64]
    popular: NDArray[np.float64]

    @property
    def is_diverse(self) -> NDArray[np.bool_]:
        """Which are more diverse than the median, [T]."""
        known = self.diversity[~np.isnan(self.diversity)]
        return self.diversity > (np.median(known) if len(known) else np.inf)


def describe_histories(
    interactions: Interactions, events: NDArray[np.int64], vectors: NDArray[np.float32], popular: NDArray[np.bool_]
) -> HistoryLists:
    """Describe the last items before each target.

    Args:
        interactions: the log.
        events: the target's event, [T].
        vectors: of the catalog, [n, d].
        popular: which items are, [n].
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
    """Measure the lists of one model.

    Args:
        lists: catalog rows, best first, -1 where a list is shorter, [T, k].
        popular: which items are, [n].
        histories: what was before each target.
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
