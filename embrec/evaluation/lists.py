"""Metrics of recommended lists that do not depend on the target: coverage of the catalog, popularity, similarity within a list,
and the match of a list's popularity with that of the user's history.

`top` is the best tensor ids of each of T targets, best first, 0 where there are fewer, [T, k].
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.data.splits import Partition
from embrec.evaluation.evaluator import Evaluation
from embrec.evaluation.slices import popularity_buckets

Lists = NDArray[np.int32]
Values = NDArray[np.float64]

_ROWS = 512  # lists whose pairs are compared at a time


def recommended_counts(top: Lists, n_items: int) -> NDArray[np.int64]:
    """Return in how many lists each item stands, [n]."""
    return np.bincount(top[top > 0] - 1, minlength=n_items)


def coverage(top: Lists, n_items: int) -> float:
    """Return the share of the catalog that stands in any list.

    >>> coverage(np.array([[1, 2], [2, 1]]), n_items=4)
    0.5
    """
    return float((recommended_counts(top, n_items) > 0).mean())


def gini(counts: NDArray[np.int64]) -> float:
    """Return how unevenly the places of the lists go to items: 0 if all have as many, towards 1 if one has them all.

    >>> gini(np.array([1, 1, 1, 1])), gini(np.array([0, 0, 0, 4]))
    (0.0, 0.75)
    """
    ordered = np.sort(counts)
    n, total = len(ordered), ordered.sum()
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * total)) if total else 0.0


def novelty(top: Lists, counts: NDArray[np.int64]) -> Values:
    """Return the mean surprise of a list's items, -log2 of their share of the training events, in bits, [T].

    All counts are raised by one, so that an item without events surprises much, but not infinitely.

    >>> novelty(np.array([[1, 2]]), np.array([2, 0]))
    array([1.20751875])
    """
    share = (counts + 1) / (counts.sum() + len(counts))
    return _mean(top, -np.log2(share))


def head_share(top: Lists, counts: NDArray[np.int64]) -> Values:
    """Return the share of a list's places that go to the most popular items, which have half of all training events, [T]."""
    return _mean(top, popularity_buckets(counts)[0].astype(np.float64))


def intra_list_similarity(top: Lists, vectors: NDArray[np.float32]) -> Values:
    """Return the mean cosine between the items of a list, over its pairs, [T]; 0 for a list of fewer than two.

    Args:
        top: the lists.
        vectors: vectors of the items, [n, d]; an item whose vector is zero resembles nothing.
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.concatenate([np.zeros((1, vectors.shape[1]), dtype=np.float32), vectors / np.maximum(length, 1e-12)])
    similarity = np.zeros(len(top))
    for start in range(0, len(top), _ROWS):
        lists = unit[top[start : start + _ROWS]]  # [R, k, d]
        sums = lists.sum(axis=1)
        pairs = (sums**2).sum(axis=1) - (lists**2).sum(axis=(1, 2))  # of i and j, both ways
        size = (top[start : start + _ROWS] > 0).sum(axis=1)
        similarity[start : start + _ROWS] = pairs / np.maximum(size * (size - 1), 1)
    return similarity


def popularity_calibration(
    top: Lists, interactions: Interactions, evaluation: Evaluation, counts: NDArray[np.int64]
) -> Values:
    """Return how far the popularity of a list is from that of its user's history, [T]: 0 if alike, 1 if nothing is shared.

    Both are shared out over head, middle and tail of the catalog (`popularity_buckets`), and the Jensen-Shannon divergence
    of the two is taken, in bits (the user popularity deviation of [abdollahpouri2021]). NaN without a history or a list.
    """
    head, middle = popularity_buckets(counts)
    bucket = np.where(head, 0, np.where(middle, 1, 2))
    of_list = np.stack([_mean(top, (bucket == which).astype(np.float64)) for which in range(3)], axis=1)
    before = np.concatenate(
        [np.zeros((1, 3), dtype=np.int64), np.cumsum(np.eye(3, dtype=np.int64)[bucket[interactions.item]], axis=0)]
    )
    history = before[evaluation.event] - before[interactions.user_ptr[evaluation.user]]
    total = history.sum(axis=1, keepdims=True)
    of_history = np.where(total > 0, history / np.maximum(total, 1), np.nan)
    of_list[~(top > 0).any(axis=1)] = np.nan
    return jensen_shannon(of_history, of_list)


def jensen_shannon(one: Values, other: Values) -> Values:
    """Return the Jensen-Shannon divergence of the distributions in each row, in bits, [T, c] and [T, c] -> [T].

    SciPy's function of that name is its root, and NaN where rounding makes the divergence of alike rows negative.

    >>> jensen_shannon(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([[0.0, 1.0], [0.5, 0.5]]))
    array([1., 0.])
    """
    from scipy.special import rel_entr

    middle = (one + other) / 2
    divergence: Values = (rel_entr(one, middle) + rel_entr(other, middle)).sum(axis=1) / (2 * np.log(2))
    return divergence


def list_metrics(
    evaluation: Evaluation,
    interactions: Interactions,
    partition: Partition,
    k: int = 10,
    vectors: NDArray[np.float32] | None = None,
) -> Mapping[str, float]:
    """Return what an evaluation's lists of k are like, name -> value.

    Args:
        evaluation: with lists of k or more.
        interactions: the log.
        partition: how it was split.
        k: length of a list.
        vectors: vectors of the items, for the similarity within a list, [n, d]; left out if None.

    Raises:
        ValueError: the evaluation kept no lists, or shorter ones.
    """
    if evaluation.top is None or evaluation.top.shape[1] < k:
        raise ValueError(f"the evaluation has no lists of {k}: evaluate with keep={k}")
    top = evaluation.top[:, :k]
    counts = partition.training_counts(interactions)
    recommended = recommended_counts(top, len(counts))
    calibration = popularity_calibration(top, interactions, evaluation, counts)
    values = {
        f"coverage@{k}": float((recommended > 0).mean()),
        f"gini@{k}": gini(recommended),
        f"novelty@{k}": float(novelty(top, counts).mean()),
        f"head share@{k}": float(head_share(top, counts).mean()),
        f"popularity calibration@{k}": float(np.nanmean(calibration)) if np.isfinite(calibration).any() else np.nan,
    }
    if vectors is not None:
        values[f"intra-list similarity@{k}"] = float(intra_list_similarity(top, vectors).mean())
    return values


def _mean(top: Lists, values: Values) -> Values:
    """Return the mean of a value of the items over each list, [T]; 0 for an empty one."""
    of_item = np.concatenate([[0.0], values])
    mean: Values = of_item[top].sum(axis=1) / np.maximum((top > 0).sum(axis=1), 1)
    return mean
