"""Intervals that cover what they claim, and tests that agree with SciPy and with hand calculations."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from embrec.evaluation import statistics
from embrec.evaluation.statistics import PairedTest, bootstrap_means, estimate, holm, interval, over_seeds, wilcoxon

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def hits(generator, count, rate):
    return (generator.random(count) < rate).astype(float)


def estimated(*columns, reference=0, resamples=2000):
    values = np.stack(columns, axis=1)
    return estimate(values, bootstrap_means(values, resamples=resamples), reference)


def test_the_tables_in_the_docstrings_are_right():
    assert doctest.testmod(statistics).failed == 0


def test_intervals_cover_the_true_mean_as_often_as_they_claim():
    generator = np.random.default_rng(0)
    samples = np.stack([hits(generator, 400, 0.1) for _ in range(400)], axis=1)
    low, high = interval(bootstrap_means(samples, resamples=500))
    assert 0.91 <= ((low <= 0.1) & (high >= 0.1)).mean() <= 0.98


def test_intervals_agree_with_those_of_scipy():
    values = np.random.default_rng(1).exponential(size=300)
    low, high = interval(bootstrap_means(values[:, None], resamples=20_000))
    other = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=2).confidence_interval
    assert [low[0], high[0]] == pytest.approx([other.low, other.high], abs=0.005)


def test_the_paired_interval_is_narrower_than_the_two_are_apart():
    generator = np.random.default_rng(2)
    base = generator.normal(size=500)
    first, second = estimated(base, base + 0.05 + 0.1 * generator.normal(size=500))
    assert first.high > second.low  # side by side the two could be equal
    assert second.test.low > 0
    assert second.test.verdict() == "better"
    assert first.test is None


def test_resampling_does_not_depend_on_how_many_are_drawn_at_a_time(monkeypatch):
    values = np.random.default_rng(3).random((50, 2))
    whole = bootstrap_means(values, resamples=40)
    monkeypatch.setattr(statistics, "_BLOCK", 350)
    assert np.allclose(bootstrap_means(values, resamples=40), whole)
    assert not np.allclose(bootstrap_means(values, resamples=40, seed=1), whole)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=1, max_size=40))
def test_equal_models_differ_by_nothing(values):
    column = np.array(values)
    first, second, third = estimated(column, column, column, reference=1, resamples=50)
    assert second.test is None
    assert first.test == third.test == PairedTest(0, 0, 0, 1, 1, 0)
    assert first.test.verdict() == "undecided"
    assert min(values) <= first.low <= first.high <= max(values)


def test_equally_good_models_are_rarely_told_apart():
    generator = np.random.default_rng(4)
    verdicts = [
        estimated(hits(generator, 200, 0.2), hits(generator, 200, 0.2), resamples=200)[1].test for _ in range(100)
    ]
    assert sum(test.verdict() != "undecided" for test in verdicts) <= 10


def test_wilcoxon_is_that_of_scipy_without_the_targets_that_do_not_differ():
    generator = np.random.default_rng(5)
    difference = np.where(generator.random(200) < 0.4, 0, generator.normal(0.1, size=200))
    assert wilcoxon(difference).p_value == stats.wilcoxon(difference[difference != 0]).pvalue
    assert wilcoxon(np.zeros(3)) == (1, 0)
    # five differences of one sign: both tails of the 2 ** 5 signs
    assert wilcoxon(np.array([1.0, 2, 3, 4, 5])) == (pytest.approx(2 / 32), 1)
    assert wilcoxon(np.array([1.0, 0, -2, 3])).rank_biserial == pytest.approx((1 - 2 + 3) / 6)


def test_holm_by_hand():
    # 4 x .005, then 3 x .011 (above it), 2 x .02 and 1 x .04, each raised to the largest before it
    assert holm([0.02, 0.005, 0.04, 0.011]) == pytest.approx([0.04, 0.02, 0.04, 0.033])
    assert holm([]) == []


@given(p_values)
def test_holm_raises_p_values_keeps_their_order_and_lies_below_bonferroni(values):
    adjusted = holm(values)
    assert all(before <= after <= min(1, len(values) * before) for before, after in zip(values, adjusted, strict=True))
    order = np.argsort(values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()


def test_a_verdict_needs_interval_and_p_value():
    assert PairedTest(0.1, 0.05, 0.2, 0.001, 0.002, 0.3).verdict() == "better"
    assert PairedTest(-0.1, -0.2, -0.05, 0.001, 0.002, -0.3).verdict() == "worse"
    assert PairedTest(0.1, -0.05, 0.2, 0.001, 0.002, 0.3).verdict() == "undecided"
    assert PairedTest(0.1, 0.05, 0.2, 0.04, 0.08, 0.3).verdict() == "undecided"


def test_a_mean_that_few_targets_make_against_the_many_is_undecided():
    generator = np.random.default_rng(12)
    worse = np.where(np.arange(1000) < 900, -0.01, 1.0) + generator.normal(0, 0.001, 1000)
    _, second = estimated(np.zeros(1000), worse)
    assert second.test.low > 0
    assert second.test.adjusted < 1e-6
    assert second.test.rank_biserial < 0
    assert second.test.verdict() == "undecided"


def test_seeds_are_averaged_target_by_target():
    assert over_seeds([np.array([0.0, 1.0]), np.array([1.0, 1.0])]).tolist() == [0.5, 1.0]
    with pytest.raises(ValueError, match="same targets"):
        over_seeds([np.zeros(2), np.zeros(3)])


def test_nothing_is_said_about_no_targets():
    with pytest.raises(ValueError, match="no targets"):
        bootstrap_means(np.zeros((0, 2)))


def test_the_interval_over_seeds_is_students():
    from scipy import stats

    values = [0.31, 0.29, 0.35, 0.30]
    expected = stats.t.interval(0.9, 3, np.mean(values), stats.sem(values))
    mean, half_width = statistics.mean_interval(values, 0.9)
    assert (mean - half_width, mean + half_width) == pytest.approx(expected)
    assert statistics.mean_interval([0.2, 0.2]) == pytest.approx((0.2, 0.0))
    assert np.isnan(statistics.mean_interval([0.31]).half_width)


def visits(generator, n_users=40, n_models=2):
    """Values of users with one to six targets each, a user's alike: [T, K], and whose they are, [T]."""
    users = np.repeat(generator.permutation(n_users) * 3, generator.integers(1, 7, n_users))
    taste = generator.normal(size=(n_users * 3, n_models))
    return taste[users] + 0.1 * generator.normal(size=(len(users), n_models)), users


def test_users_are_drawn_with_all_of_their_targets():
    values, users = visits(np.random.default_rng(6), n_users=8)
    found = bootstrap_means(values, users, resamples=30, seed=5)
    names = np.unique(users)
    generator = np.random.default_rng(5)
    for row in range(30):
        drawn = names[generator.integers(len(names), size=len(names))]
        naive = np.concatenate([values[users == user] for user in drawn])
        assert found[row] == pytest.approx(naive.mean(axis=0))


def test_users_with_a_target_each_are_targets():
    generator = np.random.default_rng(7)
    values = generator.random((20, 2))
    users = generator.permutation(20)
    by_target = bootstrap_means(values[np.argsort(users)], resamples=40)
    assert bootstrap_means(values, users, resamples=40) == pytest.approx(by_target)


def test_targets_of_a_user_that_are_alike_are_no_independent_witnesses():
    values, users = visits(np.random.default_rng(8), n_users=200)
    low, high = interval(bootstrap_means(values, users))
    narrow_low, narrow_high = interval(bootstrap_means(values))
    assert (high - low > 1.5 * (narrow_high - narrow_low)).all()


def test_intervals_over_users_cover_the_true_mean_as_often_as_they_claim():
    generator = np.random.default_rng(9)
    users = np.repeat(np.arange(100), generator.integers(1, 7, 100))
    samples = generator.normal(size=(100, 400))[users] + 0.3 * generator.normal(size=(len(users), 400))
    low, high = interval(bootstrap_means(samples, users, resamples=500))
    assert 0.90 <= ((low <= 0) & (high >= 0)).mean() <= 0.98
    low, high = interval(bootstrap_means(samples, resamples=500))
    assert ((low <= 0) & (high >= 0)).mean() < 0.85  # what drawing targets would claim


def test_the_mean_of_an_estimate_is_over_targets_and_its_test_over_users():
    values, users = visits(np.random.default_rng(10))
    values[:, 1] += 0.3
    first, second = estimate(values, bootstrap_means(values, users), users=users)
    assert (first.mean, second.mean) == pytest.approx(tuple(values.mean(axis=0)))
    difference = values[:, 1] - values[:, 0]
    assert second.test.difference == pytest.approx(difference.mean())
    of_users = [difference[users == user].mean() for user in np.unique(users)]
    assert second.test.p_value == pytest.approx(stats.wilcoxon(of_users).pvalue)
    (_, without) = estimate(values, bootstrap_means(values, users))
    assert without.test.p_value == pytest.approx(stats.wilcoxon(difference).pvalue)


def test_where_lower_is_better_less_is_better():
    assert PairedTest(-0.1, -0.2, -0.05, 0.001, 0.002, -0.3, lower_is_better=True).verdict() == "better"
    assert PairedTest(0.1, 0.05, 0.2, 0.001, 0.002, 0.3, lower_is_better=True).verdict() == "worse"
    generator = np.random.default_rng(11)
    values = generator.random((200, 2)) - [0, 0.3]
    for lower, verdict in ((True, "better"), (False, "worse")):
        _, second = estimate(values, bootstrap_means(values), lower_is_better=lower)
        assert second.test.verdict() == verdict
