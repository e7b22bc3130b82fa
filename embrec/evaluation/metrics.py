"""Ranking metrics of one relevant item, from its rank among C candidates; one value a target, so that they can be averaged
over any slice and compared pairwise.

Ranks count from 1 and may be fractional where candidates tie.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from embrec.errors import ConfigError

Values = NDArray[np.float64]


def hit_rate(rank: Values, k: int) -> Values:
    """HR@k, which is Recall@k for one relevant item: 1 where the target is among the first k.

    >>> hit_rate(np.array([1.0, 10.0, 10.5, 11.0]), k=10)
    array([1., 1., 0., 0.])
    """
    return (rank <= k).astype(np.float64)


def ndcg(rank: Values, k: int) -> Values:
    """NDCG@k: 1 / log2(rank + 1) among the first k, else 0; the ideal gain of one relevant item is 1.

    >>> ndcg(np.array([1.0, 3.0, 11.0]), k=10)
    array([1. , 0.5, 0. ])
    """
    return np.where(rank <= k, 1 / np.log2(rank + 1), 0.0)


def reciprocal_rank(rank: Values, k: int) -> Values:
    """MRR@k: 1 / rank among the first k, else 0.

    >>> reciprocal_rank(np.array([1.0, 4.0, 11.0]), k=10)
    array([1.  , 0.25, 0.  ])
    """
    return np.where(rank <= k, 1 / rank, 0.0)


def auc(rank: Values, candidates: Values) -> Values:
    """AUC: the share of the other candidates that rank below the target, ties counting half under mean ranks.

    >>> auc(np.array([1.0, 2.0, 3.0]), np.array([3.0, 3.0, 3.0]))
    array([1. , 0.5, 0. ])
    """
    return 1 - (rank - 1) / np.maximum(candidates - 1, 1)


_AT_K: dict[str, Callable[[Values, int], Values]] = {"hr": hit_rate, "ndcg": ndcg, "mrr": reciprocal_rank}


def metric(name: str, rank: Values, candidates: Values) -> Values:
    """Return the values of a metric by name, such as `hr@10`, `ndcg@10`, `mrr@20` or `auc`, one a target.

    Raises:
        ConfigError: the name is unknown.
    """
    kind, _, k = name.lower().partition("@")
    if kind == "auc" and not k:
        return auc(rank, candidates)
    if kind in _AT_K and k.isdigit() and int(k) > 0:
        return _AT_K[kind](rank, int(k))
    raise ConfigError(f"unknown metric {name!r}; use hr@K, ndcg@K, mrr@K (such as hr@10) or auc")
