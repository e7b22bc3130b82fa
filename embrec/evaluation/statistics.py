"""How sure a mean is, and whether one model beats another: bootstrap intervals and paired tests over the same targets.

Every model ranks the same targets, so models are compared target by target, which is far sharper than comparing two
intervals. Where a user has several targets, these are no independent witnesses: users are drawn, each with all of theirs, and
the test compares users. Values of several seeds are averaged target by target first (`over_seeds`); an interval then says how
much the mean would move with other users, not how much it moves from seed to seed, which is why reports give the seeds' range
beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_BLOCK = 1 << 22  # counts of drawn targets that are held at a time: 32 MB


@dataclass(frozen=True)
class PairedTest:
    """A model against the reference on the same targets.

    Attributes:
        difference: mean of (model - reference).
        low: lower end of its paired bootstrap interval.
        high: upper end.
        p_value: of Wilcoxon's signed-rank test, two-sided; 1 where the two are equal everywhere.
        adjusted: the same after Holm's correction for the number of models that were compared with the reference.
        rank_biserial: which way the ranks of the test lean, from -1 (the model is lower everywhere) to 1 (higher).
        lower_is_better: whether a negative difference is an improvement.
    """

    difference: float
    low: float
    high: float
    p_value: float
    adjusted: float
    rank_biserial: float
    lower_is_better: bool = False

    def verdict(self, level: float = 0.05) -> Literal["better", "worse", "undecided"]:
        """Say whether both agree: the interval leaves out 0, and the adjusted p-value is below `level`, on the same side.

        They can stand on different sides: a mean gains by a few great differences, ranks by many small ones.
        """
        if self.adjusted >= level or self.low <= 0 <= self.high or self.rank_biserial * self.difference <= 0:
            return "undecided"
        return "better" if (self.difference > 0) != self.lower_is_better else "worse"


@dataclass(frozen=True)
class Estimate:
    """The mean of one model over the targets.

    Attributes:
        mean: over targets and seeds.
        low: lower end of its bootstrap interval.
        high: upper end.
        test: against the reference; None for the reference itself.
    """

    mean: float
    low: float
    high: float
    test: PairedTest | None


def over_seeds(values: Sequence[Values]) -> Values:
    """Return the mean over seeds of each target's value: S arrays [T] -> [T].

    Raises:
        ValueError: the seeds were evaluated on different targets.
    """
    if len({len(seed) for seed in values}) != 1:
        raise ValueError("values of several seeds must belong to the same targets")
    return np.mean(values, axis=0)


def by_user(values: Values, users: NDArray[np.integer]) -> tuple[Values, Values]:
    """Return the sums of each user's targets, [T, K] -> [U, K], and how many targets those are, [U]."""
    _, row = np.unique(users, return_inverse=True)
    counts = np.bincount(row).astype(np.float64)
    sums: Values = np.stack([np.bincount(row, weights=column) for column in values.T], axis=1).astype(np.float64)
    return sums, counts


def bootstrap_means(
    values: Values, users: NDArray[np.integer] | None = None, *, resamples: int = 2000, seed: int = 0
) -> Values:
    """Return the means of K models over the targets of users drawn with replacement, the same for every model, [R, K].

    Args:
        values: one column a model, [T, K].
        users: whose target each row is, [T]; each row another user's if None.
        resamples: R.
        seed: of the drawing.

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
    """Return the lower and upper ends of percentile intervals, from resampled means [R, K]: [K] and [K]."""
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return low, high


class MeanInterval(NamedTuple):
    """A mean and half the width of its confidence interval; NaN where a single value says nothing about the width."""

    mean: float
    half_width: float


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> MeanInterval:
    """Return the mean of a few independent values, such as one a seed, with its interval by Student's t distribution.

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
    """Wilcoxon's signed-rank test: its two-sided p-value, and which way the ranks lean, from -1 to 1 [kerby2014]."""

    p_value: float
    rank_biserial: float


def wilcoxon(difference: Values) -> SignedRank:
    """Test that paired differences [T] lie evenly around 0.

    Targets without a difference say nothing and are left out; if none is left, the p-value is 1.
    """
    from scipy import stats

    different = difference[difference != 0]
    if not len(different):
        return SignedRank(1.0, 0.0)
    ranks = stats.rankdata(np.abs(different))
    return SignedRank(float(stats.wilcoxon(different).pvalue), float(np.sign(different) @ ranks / ranks.sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values of tests made together, so that the chance of any false alarm stays below the level (Holm 1979).

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
    """Return the mean of each model with its interval, and its test against the reference.

    Args:
        values: one column a model, its rows the same targets, [T, K].
        means: what `bootstrap_means` made of these columns, [R, K].
        reference: the column that the others are compared with.
        users: whose target each row is, [T]; each row another user's if None. The test compares the means of users.
        confidence: of the intervals.
        lower_is_better: whether a negative difference is an improvement.
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
