"""Ranking metrics of one relevant item, from where it stands among C candidates; one value a target, so that they can be
averaged over any slice and compared pairwise.

Ranks count from 1 and may be fractional where candidates tie.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from embrec.errors import ConfigError
from embrec.evaluation.ranks import Standing, Ties
from embrec.names import nearest

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
    """AUC: the share of the other candidates that rank below the target; ties count half under mean ranks, not at all under
    pessimistic ones (as published).

    >>> auc(np.array([1.0, 2.0, 3.0]), np.array([3.0, 3.0, 3.0]))
    array([1. , 0.5, 0. ])
    """
    return 1 - normalised_rank(rank, candidates)


def normalised_rank(rank: Values, candidates: Values) -> Values:
    """Normalised rank: (rank - 1) / (C - 1), 0 for the first and 1 for the last ([weimann2022]); lower is better.

    >>> normalised_rank(np.array([1.0, 2.0, 3.0]), np.array([3.0, 3.0, 3.0]))
    array([0. , 0.5, 1. ])
    """
    return (rank - 1) / np.maximum(candidates - 1, 1)


_AT_K: dict[str, Callable[[Values, int], Values]] = {
    "hr": hit_rate,
    "recall": hit_rate,
    "ndcg": ndcg,
    "mrr": reciprocal_rank,
}
_WHOLE: dict[str, Callable[[Standing, Ties], Values]] = {
    "auc": lambda standing, ties: auc(standing.rank(ties), standing.candidates.astype(np.float64)),
    "auc-strict": lambda standing, _: auc(standing.rank("pessimistic"), standing.candidates.astype(np.float64)),
    "rank": lambda standing, ties: normalised_rank(standing.rank(ties), standing.candidates.astype(np.float64)),
    "mrr": lambda standing, ties: 1 / standing.rank(ties),
    "accuracy": lambda standing, ties: hit_rate(standing.rank(ties), 1),
}
KNOWN = "hr@K, recall@K, ndcg@K, mrr@K (such as hr@10), auc, auc-strict, mrr, rank (normalised, lower is better) or accuracy"


def cutoff(name: str) -> int | None:
    """Return the K of a metric's name, None where it has none.

    Raises:
        ConfigError: the name is unknown.
    """
    kind, at, k = name.lower().partition("@")
    if kind in _WHOLE and not at:
        return None
    if kind in _AT_K and k.isdecimal() and int(k) > 0:
        return int(k)
    meant = nearest(kind, [*_AT_K, *_WHOLE])
    example = f"{meant}@{k if k.isdecimal() and int(k) > 0 else 10}" if meant in _AT_K else meant
    raise ConfigError(f"unknown metric {name!r}{f'; did you mean {example!r}?' if example else ';'} use {KNOWN}")


def check_metrics(names: Sequence[str], candidates: int | None = None) -> None:
    """Check that metrics are known, and that none looks further down than there are candidates.

    Raises:
        ConfigError: one does not fit.
    """
    for name in names:
        k = cutoff(name)
        if k is not None and candidates is not None and k > candidates:
            raise ConfigError(
                f"metric {name!r} looks at the first {k:,} of only {candidates:,} candidates, so every target would be a hit; "
                "use a smaller K"
            )


def tells_apart(name: str, candidates: int) -> bool:
    """Return whether a metric of so many candidates can differ between models: hits among all of them cannot.

    Raises:
        ConfigError: the name is unknown.
    """
    k = cutoff(name) or 1
    return not counts_hits(name) or k < candidates


def counts_hits(name: str) -> bool:
    """Return whether a metric only asks if the target is among the first, so that all of few candidates are hits."""
    kind = name.lower().partition("@")[0]
    return kind == "accuracy" or _AT_K.get(kind) is hit_rate


def metric(name: str, standing: Standing, ties: Ties = "mean") -> Values:
    """Return the values of a metric by name, one a target, [T].

    Args:
        name: such as `hr@10`, `recall@20`, `ndcg@10`, `mrr@20`, `auc`, `auc-strict`, `mrr`, `rank` or `accuracy`.
        standing: of the targets.
        ties: how a target ranks among its equals (`auc-strict` is always pessimistic).

    Raises:
        ConfigError: the name is unknown.
    """
    k = cutoff(name)
    kind = name.lower().partition("@")[0]
    return _WHOLE[kind](standing, ties) if k is None else _AT_K[kind](standing.rank(ties), k)


def lower_is_better(name: str) -> bool:
    """Return whether less of this metric is more."""
    return name.lower() == "rank"
