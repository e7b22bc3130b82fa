"""What lists are like, against loops over their items and against SciPy."""

import doctest
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import distance
from support.logs import toy_log
from support.standings import standing_at

from embrec.data.splits import LeaveOneOut
from embrec.evaluation import lists
from embrec.evaluation.evaluator import Evaluation
from embrec.evaluation.slices import popularity_buckets

N_ITEMS = 12
LOG = toy_log(n_users=15)


@st.composite
def some_lists(draw):
    """Lists of up to five different tensor ids, short ones filled with 0."""
    rows = draw(st.lists(st.lists(st.integers(1, N_ITEMS), max_size=5, unique=True), min_size=1, max_size=6))
    return np.array([row + [0] * (5 - len(row)) for row in rows], dtype=np.int32)


counts_of_items = arrays(np.int64, N_ITEMS, elements=st.integers(0, 30))


def evaluation_of(events, top=None):
    """An evaluation of these events of the log, with these lists."""
    events = np.asarray(events, dtype=np.int64)
    labels = np.zeros(len(events), dtype=np.int8)
    return Evaluation(standing_at(np.zeros(len(events))), LOG.user[events].astype(np.int64), events, labels, top=top)


def test_the_examples_in_the_docstrings_are_right():
    assert doctest.testmod(lists).failed == 0


@given(some_lists())
def test_coverage_is_the_share_of_items_in_any_list(top):
    listed = {item for row in top.tolist() for item in row} - {0}
    assert lists.coverage(top, N_ITEMS) == pytest.approx(len(listed) / N_ITEMS)
    counts = lists.recommended_counts(top, N_ITEMS)
    assert counts.tolist() == [sum(item in row for row in top.tolist()) for item in range(1, N_ITEMS + 1)]


@given(counts_of_items)
def test_gini_is_half_the_relative_mean_difference(counts):
    differences = sum(abs(int(one) - int(other)) for one in counts for other in counts)
    expected = differences / (2 * len(counts) * counts.sum()) if counts.sum() else 0
    assert lists.gini(counts) == pytest.approx(expected)


@given(some_lists(), counts_of_items)
def test_novelty_and_head_share_are_means_over_the_items_of_a_list(top, counts):
    head = popularity_buckets(counts)[0]
    surprise = [-np.log2((count + 1) / (counts.sum() + N_ITEMS)) for count in counts]
    for row, novelty, share in zip(top, lists.novelty(top, counts), lists.head_share(top, counts), strict=True):
        items = [item - 1 for item in row if item]
        assert novelty == pytest.approx(np.mean([surprise[item] for item in items]) if items else 0)
        assert share == pytest.approx(np.mean([head[item] for item in items]) if items else 0)


@settings(deadline=None)
@given(some_lists(), st.integers(0, 5))
def test_the_similarity_within_a_list_is_the_mean_cosine_of_its_pairs(top, seed):
    vectors = np.random.default_rng(seed).normal(size=(N_ITEMS, 4)).astype(np.float32)
    vectors[0] = 0  # an item without a vector resembles nothing
    for row, similarity in zip(top, lists.intra_list_similarity(top, vectors), strict=True):
        pairs = list(combinations([item - 1 for item in row if item], 2))
        cosines = [
            0.0 if 0 in pair else 1 - distance.cosine(vectors[pair[0]].astype(float), vectors[pair[1]].astype(float))
            for pair in pairs
        ]
        assert similarity == pytest.approx(np.mean(cosines) if pairs else 0, abs=1e-5)


def test_similarity_does_not_depend_on_how_many_lists_are_compared_at_a_time(monkeypatch):
    generator = np.random.default_rng(0)
    top, vectors = generator.integers(0, N_ITEMS + 1, (30, 4)), generator.normal(size=(N_ITEMS, 3)).astype(np.float32)
    whole = lists.intra_list_similarity(top, vectors)
    monkeypatch.setattr(lists, "_ROWS", 7)
    assert lists.intra_list_similarity(top, vectors) == pytest.approx(whole)


@given(arrays(np.float64, (2, 3, 4), elements=st.integers(0, 9)))
def test_the_divergence_is_the_square_of_the_distance_of_scipy(weights):
    weights[..., 0] += weights.sum(axis=-1) == 0  # a distribution has something in it
    one, other = weights / weights.sum(axis=-1, keepdims=True)
    expected = [distance.jensenshannon(*pair, base=2) ** 2 for pair in zip(one, other, strict=True)]
    assert lists.jensen_shannon(one, other) == pytest.approx(np.nan_to_num(expected), abs=1e-9)


def test_popularity_calibration_by_hand():
    # Of 100 training events the first item has 60 (the head), the next two 20 and 15 (the middle), the others the rest.
    counts = np.zeros(20, dtype=np.int64)
    counts[:5] = [60, 20, 15, 3, 2]
    head, middle = popularity_buckets(counts)
    assert (np.flatnonzero(head).tolist(), np.flatnonzero(middle).tolist()) == ([0], [1, 2])
    user = int(np.argmax([3 in LOG.history(user)[:-1] for user in range(LOG.n_users)]))
    history = LOG.history(user)[:-1]
    last, first = LOG.user_ptr[user + 1] - 1, LOG.user_ptr[user]
    events = [last, first, last]
    top = np.array([[1, 2, 3, 4], [1, 2, 3, 4], [0, 0, 0, 0]], dtype=np.int32)  # head, middle, middle, tail
    found = lists.popularity_calibration(top, LOG, evaluation_of(events), counts)
    of_history = np.array([(history == 0).sum(), ((history == 1) | (history == 2)).sum(), (history > 2).sum()])
    expected = distance.jensenshannon(of_history / len(history), [0.25, 0.5, 0.25], base=2) ** 2
    assert found[0] == pytest.approx(expected)
    assert np.isnan(found[1:]).all()  # the first event has no history, and a list without items no popularity


def test_a_list_as_popular_as_the_history_is_calibrated_and_one_that_shares_nothing_with_it_is_not():
    counts = np.zeros(20, dtype=np.int64)
    event = LOG.user_ptr[1] - 1  # the last of the first user
    history = np.unique(LOG.history(0)[:-1])
    counts[history] = 100  # all of them together are head and middle
    others = np.flatnonzero(counts == 0)[:3]
    apart = np.array([others + 1], dtype=np.int32)
    assert lists.popularity_calibration(apart, LOG, evaluation_of([event]), counts)[0] == pytest.approx(1)
    alike = np.array([LOG.history(0)[:-1] + 1], dtype=np.int32)
    assert lists.popularity_calibration(alike, LOG, evaluation_of([event]), counts)[0] == pytest.approx(0)


def test_the_metrics_of_lists_are_those_of_their_first_k():
    partition = LeaveOneOut()(LOG, 20)
    generator = np.random.default_rng(0)
    top = np.array([generator.permutation(20)[:6] + 1 for _ in range(len(partition.test))], dtype=np.int32)
    evaluation = evaluation_of(partition.test.events(LOG), top)
    vectors = generator.normal(size=(20, 3)).astype(np.float32)
    counts = partition.training_counts(LOG)
    found = lists.list_metrics(evaluation, LOG, partition, 4, vectors)
    assert found == pytest.approx(
        {
            "coverage@4": lists.coverage(top[:, :4], 20),
            "gini@4": lists.gini(lists.recommended_counts(top[:, :4], 20)),
            "novelty@4": lists.novelty(top[:, :4], counts).mean(),
            "head share@4": lists.head_share(top[:, :4], counts).mean(),
            "popularity calibration@4": lists.popularity_calibration(top[:, :4], LOG, evaluation, counts).mean(),
            "intra-list similarity@4": lists.intra_list_similarity(top[:, :4], vectors).mean(),
        }
    )
    assert "intra-list similarity@4" not in lists.list_metrics(evaluation, LOG, partition, 4)
    with pytest.raises(ValueError, match="no lists of 7: evaluate with keep=7"):
        lists.list_metrics(evaluation, LOG, partition, 7)
