"""The built-in ranking metrics, one class each: formula, use, source and a worked example."""

import numpy as np

from embrec.evaluation.metrics import Metric, Values


class HitRate(Metric):
    """Hit rate: the share of targets among the first K.

    Use it to ask whether the target would have been on a page of K items; it says nothing of where on the page.
    HR@K = 1 if rank <= K, else 0. Source: [cremonesi2010]; with sampled candidates it can reverse the order of models
    [krichene2020].

    >>> HitRate().values(np.array([1.0, 10.0, 10.5, 11.0]), np.full(4, 100.0), k=10)
    array([1., 1., 0., 0.])
    """

    name = "hr"
    cutoff = "required"
    counts_hits = True

    def values(self, rank: Values, candidates: Values, k: int | None = None) -> Values:
        """Return 1 for a target among the first K, else 0; see `Metric.values`."""
        return (rank <= (k or 1)).astype(np.float64)

    def meaning(self, k: int | None = None) -> str:
        """Return what a mean of it says."""
        return f"the share of targets that stand among the first {k} of the list"


class Recall(HitRate):
    """Recall at K: the share of the relevant items among the first K, which is the hit rate for one relevant item.

    Use the name that the results you compare with use. Source: [cremonesi2010].

    >>> Recall().values(np.array([3.0, 30.0]), np.full(2, 100.0), k=20)
    array([1., 0.])
    """

    name = "recall"


class NormalisedDiscountedGain(Metric):
    """Normalised discounted cumulative gain: a hit counts less the further down it is.

    Use it to choose between models whose lists are read from the top. With one relevant item the ideal gain is 1, so
    NDCG@K = 1 / log2(rank + 1) if rank <= K, else 0. Source: [jarvelin2002].

    >>> NormalisedDiscountedGain().values(np.array([1.0, 3.0, 11.0]), np.full(3, 100.0), k=10)
    array([1. , 0.5, 0. ])
    """

    name = "ndcg"
    cutoff = "required"

    def values(self, rank: Values, candidates: Values, k: int | None = None) -> Values:
        """Return the discounted gain of each target; see `Metric.values`."""
        return np.where(rank <= (k or 1), 1 / np.log2(rank + 1), 0.0)

    def meaning(self, k: int | None = None) -> str:
        """Return what a mean of it says."""
        return (
            f"as HR, but a target counts less the further down it stands: 1 in first place, nothing below the first {k}"
        )


class ReciprocalRank(Metric):
    """Mean reciprocal rank: 1 / rank, with a K only among the first K.

    Use it where only the first few places matter; it falls faster than NDCG. MRR@K = 1 / rank if rank <= K, else 0; MRR has
    no limit. Source: [voorhees1999].

    >>> ReciprocalRank().values(np.array([1.0, 4.0, 11.0]), np.full(3, 100.0), k=10)
    array([1.  , 0.25, 0.  ])
    >>> ReciprocalRank().values(np.array([20.0]), np.full(1, 100.0))
    array([0.05])
    """

    name = "mrr"
    cutoff = "optional"

    def values(self, rank: Values, candidates: Values, k: int | None = None) -> Values:
        """Return the reciprocal rank of each target; see `Metric.values`."""
        return 1 / rank if k is None else np.where(rank <= k, 1 / rank, 0.0)

    def meaning(self, k: int | None = None) -> str:
        """Return what a mean of it says."""
        return "the mean of 1 / place of the target" + (f", nothing below the first {k}" if k is not None else "")


class NormalisedRank(Metric):
    """Normalised rank: the share of the other candidates that rank before the target; lower is better.

    Use it to compare catalogs of different sizes, as streaming evaluations do. (rank - 1) / (C - 1): 0 for the first, 1 for the
    last, 0.5 by chance. Source: [weimann2022].

    >>> NormalisedRank().values(np.array([1.0, 2.0, 3.0]), np.array([3.0, 3.0, 3.0]))
    array([0. , 0.5, 1. ])
    """

    name = "rank"
    lower_is_better = True
    is_ratio = False
    note = "normalised, lower is better"

    def values(self, rank: Values, candidates: Values, k: int | None = None) -> Values:
        """Return the normalised rank of each target; see `Metric.values`."""
        return (rank - 1) / np.maximum(candidates - 1, 1)

    def meaning(self, k: int | None = None) -> str:
        """Return what a mean of it says."""
        return "the share of the other candidates that stand before the target: 0.5 is chance, lower is better"


class AreaUnderCurve(Metric):
    """AUC: the share of the other candidates that rank below the target.

    Use it to judge the whole order and not only its top; it is 0.5 by chance. 1 - (rank - 1) / (C - 1); ties count half under
    mean ranks. Source: [hanley1982].

    >>> AreaUnderCurve().values(np.array([1.0, 2.0, 3.0]), np.array([3.0, 3.0, 3.0]))
    array([1. , 0.5, 0. ])
    """

    name = "auc"
    is_ratio = False

    def values(self, rank: Values, candidates: Values, k: int | None = None) -> Values:
        """Return the AUC of each target; see `Metric.values`."""
        return 1 - RANK.values(rank, candidates)

    def meaning(self, k: int | None = None) -> str:
        """Return what a mean of it says."""
        return "the share of the other candidates that stand below the target: 0.5 is chance, 1 is always first"


class StrictAreaUnderCurve(AreaUnderCurve):
    """AUC that counts ties as errors, whatever the policy of ties.

    Use it to compare with figures of the EmbRec paper, whose code ranks tied targets last. Source: [semikin2019].

    >>> StrictAreaUnderCurve().ties
    'pessimistic'
    """

    name = "auc-strict"
    ties = "pessimistic"

    def meaning(self, k: int | None = None) -> str:
        """Return what a mean of it says."""
        return "as AUC, but candidates that tie with the target stand before it"


class Accuracy(Metric):
    """Accuracy: the share of targets in first place, HR@1.

    Use it where one item is shown and no other. Source: [thompson2023].

    >>> Accuracy().values(np.array([1.0, 1.5, 2.0]), np.full(3, 100.0))
    array([1., 0., 0.])
    """

    name = "accuracy"
    counts_hits = True

    def values(self, rank: Values, candidates: Values, k: int | None = None) -> Values:
        """Return 1 for a target in first place, else 0; see `Metric.values`."""
        return (rank <= 1).astype(np.float64)

    def meaning(self, k: int | None = None) -> str:
        """Return what a mean of it says."""
        return "the share of targets that stand in first place"


HIT_RATE, RECALL, NDCG, MRR = HitRate(), Recall(), NormalisedDiscountedGain(), ReciprocalRank()
AUC, AUC_STRICT, RANK, ACCURACY = AreaUnderCurve(), StrictAreaUnderCurve(), NormalisedRank(), Accuracy()
