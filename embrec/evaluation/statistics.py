"""Statistics of metrics: bootstrap intervals of means, and paired tests of models on the same targets.

All models rank the same targets, so they are compared target by target, which is far more powerful than comparing two
intervals. Several targets of one user are not independent, so the bootstrap draws users, each with all targets, and the test
compares the means of users. Values of several seeds are averaged for each target first (`over_seeds`). The interval then shows
how much the mean varies with the users, not with the seeds; reports give the range of the seeds as well.

The usual order of calls, for the values of two models on the same four targets:

>>> values = np.array([[0.1, 0.3], [0.2, 0.3], [0.0, 0.1], [0.5, 0.6]])  # [T, K]: one column per model
>>> reference, model = estimate(values, bootstrap_means(values))
>>> round(reference.mean, 3), round(model.mean, 3), model.test.verdict()
(0.2, 0.325, 'undecided')
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_BLOCK = 1 << 22  # counts of drawn targets held at a time: 32 MB


@dataclass(frozen=True)
class PairedTest:
    """The comparison of a model with the reference on the same targets.

    Attributes:
        difference: mean of (model - reference).
        low: lower end of the paired bootstrap interval of the difference.
        high: upper end of this interval.
        p_value: p-value of Wilcoxon's signed-rank test, two-sided; 1 if the two are equal on all targets.
        adjusted: p-value after Holm's correction for the number of models compared with the reference.
        rank_biserial: direction of the test's ranks, from -1 (the model is lower everywhere) to 1 (higher) [kerby2014].
        lower_is_better: True if a negative difference is an improvement.
    """

    difference: float
    low: float
    high: float
    p_value: float
    adjusted: float
    rank_biserial: float
    lower_is_better: bool = False

    def verdict(self, level: float = 0.05) -> Literal["better", "worse", "undecided"]:
        """Return "better" or "worse" if interval and test agree, else "undecided".

        They agree if the interval excludes 0, the adjusted p-value is below `level`, and both have the same sign. The signs can
        differ: a few large differences decide the mean, many small ones decide the ranks.

        >>> PairedTest(0.02, 0.01, 0.03, p_value=0.001, adjusted=0.002, rank_biserial=0.4).verdict()
        'better'
        >>> PairedTest(0.02, -0.01, 0.05, p_value=0.001, adjusted=0.002, rank_biserial=0.4).verdict()
        'undecided'
        """
        if self.adjusted >= level or self.low <= 0 <= self.high or self.rank_biserial * self.difference <= 0:
            return "undecided"
        return "better" if (self.difference > 0) != self.lower_is_better else "worse"


@dataclass(frozen=True)
class Estimate:
    """The mean of one model over the targets.

    Attributes:
        mean: mean over targets and seeds.
        low: lower end of its bootstrap interval.
        high: upper end of this interval.
        test: comparison with the reference; None for the reference itself.
    """

    mean: float
    low: float
    high: float
    test: PairedTest | None


def over_seeds(values: Sequence[Values]) -> Values:
    """Return the mean over seeds of each target's value, [T].

    Args:
        values: values of the targets for each seed, S arrays [T].

    >>> over_seeds([np.array([0.0, 1.0]), np.array([1.0, 1.0])]).tolist()
    [0.5, 1.0]

    Raises:
        ValueError: the seeds were evaluated on different targets.
    """
    if len({len(seed) for seed in values}) != 1:
        raise ValueError("values of several seeds must belong to the same targets")
    return np.mean(values, axis=0)


def by_user(values: Values, users: NDArray[np.integer]) -> tuple[Values, Values]:
    """Return the sum of each user's values, [U, K], and the number of each user's targets, [U].

    Args:
        values: one column for each model, [T, K].
        users: user of each target, [T].

    >>> sums, counts = by_user(np.array([[0.1], [0.2], [0.3]]), np.array([7, 7, 8]))
    >>> sums.round(3).tolist(), counts.tolist()
    ([[0.3], [0.3]], [2.0, 1.0])
    """
    _, row = np.unique(users, return_inverse=True)
    counts = np.bincount(row).astype(np.float64)
    sums: Values = np.stack([np.bincount(row, weights=column) for column in values.T], axis=1).astype(np.float64)
    return sums, counts


def bootstrap_means(
    values: Values, users: NDArray[np.integer] | None = None, *, resamples: int = 2000, seed: int = 0
) -> Values:
    """Return bootstrap means of K models: over the targets of users drawn with replacement, the same for all models, [R, K].

    Source: [efron1979].

    Args:
        values: one column for each model, [T, K].
        users: user of each target, [T]; every target has a user of its own if None.
        resamples: number of resamples, R.
        seed: seed of the drawing.

    >>> means = bootstrap_means(np.array([[0.0], [1.0]]), resamples=500)
    >>> means.shape, round(float(means.mean()), 1)
    ((500, 1), 0.5)

    Raises:
        ValueError: there are no targets.
    """
    if not len(values):
        raise ValueError("there are no targets to draw from")
    sums, weight = (values, np.ones(len(values))) if users is None else by_user(values, users)
    count, width = sums.shape
    generator = np.random.default_rng(seed)
    means = np.empty((resamples, width))
    block = max(1, _BLOCK // count)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = generator.integers(count, size=(rows, count)) + np.arange(rows)[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)
        drawings = times.astype(np.float64)
        means[start : start + rows] = drawings @ sums / (drawings @ weight)[:, None]
    return means


def interval(means: Values, confidence: float = 0.95) -> tuple[Values, Values]:
    """Return the lower and upper ends of percentile intervals, both [K].

    Args:
        means: means that `bootstrap_means` returned, [R, K].
        confidence: confidence level of the intervals.

    >>> low, high = interval(np.arange(101.0)[:, None], confidence=0.9)
    >>> low.round(6).tolist(), high.round(6).tolist()
    ([5.0], [95.0])
    """
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return low, high


class MeanInterval(NamedTuple):
    """A mean and half the width of its confidence interval, which is NaN for a single value."""

    mean: float
    half_width: float


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> MeanInterval:
    """Return the mean of a few independent values, such as one for each seed, with its Student's t interval [student1908].

    >>> mean, half_width = mean_interval([0.1, 0.2, 0.3])
    >>> round(mean, 3), round(half_width, 3)
    (0.2, 0.248)

    Raises:
        ValueError: there are no values.
    """
    from scipy import stats

    if not len(values):
        raise ValueError("there are no values to average")
    count = len(values)
    if count == 1:
        return MeanInterval(float(values[0]), float("nan"))
    error = np.std(values, ddof=1) / np.sqrt(count)
    return MeanInterval(float(np.mean(values)), float(stats.t.ppf((1 + confidence) / 2, count - 1) * error))


class SignedRank(NamedTuple):
    """Wilcoxon's signed-rank test: its two-sided p-value, and the rank-biserial correlation from -1 to 1 [kerby2014]."""

    p_value: float
    rank_biserial: float


def wilcoxon(difference: Values) -> SignedRank:
    """Test whether paired differences are distributed symmetrically around 0, by Wilcoxon's signed-rank test [wilcoxon1945].

    Differences of 0 are left out; if none is left, the p-value is 1.

    Args:
        difference: differences of the pairs, [T].

    >>> wilcoxon(np.array([1.0, 2.0, 3.0, 0.0]))
    SignedRank(p_value=0.25, rank_biserial=1.0)
    """
    from scipy import stats

    different = difference[difference != 0]
    if not len(different):
        return SignedRank(1.0, 0.0)
    ranks = stats.rankdata(np.abs(different))
    return SignedRank(float(stats.wilcoxon(different).pvalue), float(np.sign(different) @ ranks / ranks.sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values of several tests so that the chance of any false positive stays below the level [holm1979].

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    raised = np.asarray(p_values, dtype=np.float64)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(raised))
    return [float(p) for p in adjusted]


def estimate(
    values: Values,
    means: Values,
    reference: int = 0,
    *,
    users: NDArray[np.integer] | None = None,
    confidence: float = 0.95,
    lower_is_better: bool = False,
) -> list[Estimate]:
    """Return the mean of each model with its interval, and its comparison with the reference.

    Args:
        values: one column for each model, one row for each target, [T, K].
        means: bootstrap means of these columns, from `bootstrap_means`, [R, K].
        reference: column that the others are compared with.
        users: user of each target, [T]; every target has a user of its own if None. The test compares the means of users.
        confidence: confidence level of the intervals.
        lower_is_better: True if a negative difference is an improvement.
    """
    low, high = interval(means, confidence)
    difference_low, difference_high = interval(means - means[:, [reference]], confidence)
    differences = values - values[:, [reference]]
    others = [column for column in range(values.shape[1]) if column != reference]
    of_users = differences
    if users is not None:
        sums, counts = by_user(differences, users)
        of_users = sums / counts[:, None]
    signed_ranks = [wilcoxon(of_users[:, column]) for column in others]
    adjusted_values = holm([one.p_value for one in signed_ranks])
    tests = {
        column: PairedTest(
            float(differences[:, column].mean()),
            float(difference_low[column]),
            float(difference_high[column]),
            signed_rank.p_value,
            adjusted,
            signed_rank.rank_biserial,
            lower_is_better,
        )
        for column, signed_rank, adjusted in zip(others, signed_ranks, adjusted_values, strict=True)
    }
    return [
        Estimate(float(values[:, column].mean()), float(low[column]), float(high[column]), tests.get(column))
        for column in range(values.shape[1])
    ]
