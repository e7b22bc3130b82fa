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
    assert first.test == third.test == PairedTest(0, 0, 0, 1, 1)
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
    assert wilcoxon(difference) == stats.wilcoxon(difference[difference != 0]).pvalue
    assert wilcoxon(np.zeros(3)) == 1
    # five differences of one sign: both tails of the 2 ** 5 signs
    assert wilcoxon(np.array([1.0, 2, 3, 4, 5])) == pytest.approx(2 / 32)


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
    assert PairedTest(0.1, 0.05, 0.2, 0.001, 0.002).verdict() == "better"
    assert PairedTest(-0.1, -0.2, -0.05, 0.001, 0.002).verdict() == "worse"
    assert PairedTest(0.1, -0.05, 0.2, 0.001, 0.002).verdict() == "undecided"
    assert PairedTest(0.1, 0.05, 0.2, 0.04, 0.08).verdict() == "undecided"


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
