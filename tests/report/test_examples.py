"""Example users and fallback to popular items: selection by rule and seed, counts by hand on small lists."""

import doctest

import numpy as np
import pytest
from support.standings import standing_at

from embrec.data.interactions import Interactions
from embrec.evaluation.evaluator import Evaluation
from embrec.report import examples
from embrec.report.examples import example, fallen_back, personalised, worst_ranked
from embrec.report.fallback import Fallback, describe_histories, fallback, popular_items


@pytest.fixture
def log():
    """Two users: one has items 0 to 5 and then 6, the other item 7 and then 8."""
    user, item = np.array([0] * 7 + [1] * 2), np.array([0, 1, 2, 3, 4, 5, 6, 7, 8])
    return Interactions.from_events(np.array(["ann", "bob"], dtype=object), user, item, np.arange(9))


def evaluation(greater, users=None, top=None, events=None):
    size = len(greater)
    users = np.arange(size) if users is None else np.asarray(users)
    return Evaluation(
        standing_at(greater),
        users,
        np.arange(size) if events is None else np.asarray(events),
        np.zeros(size, dtype=np.int8),
        top=None if top is None else np.asarray(top, dtype=np.int32),
    )


def lists_with(share, is_fallback) -> Fallback:
    share = np.asarray(share)
    return Fallback(share, share >= 0.5, np.asarray(is_fallback), np.array([0]), 0.1)


def test_popular_items_are_the_first_hundredth_and_never_without_events():
    counts = np.zeros(5000, dtype=np.int64)
    counts[[7, 9]] = 5, 6
    assert np.flatnonzero(popular_items(counts)).tolist() == [7, 9]
    assert popular_items(np.arange(5000)).sum() == 50
    assert popular_items(np.arange(1, 11)).all()  # a shop smaller than the least number


def test_a_history_of_like_items_is_not_diverse(log):
    vectors = np.ones((9, 4), dtype=np.float32)
    vectors[[1, 3, 5]] = [1, 0, 0, 0]
    found = describe_histories(log, np.array([6, 1, 8]), vectors, np.arange(9) < 2)
    cosine = 0.5  # between (1, 1, 1, 1) / 2 and the first axis; 9 of 15 pairs are of that kind
    assert found.diversity[0] == pytest.approx(1 - (9 * cosine + 6) / 15, abs=1e-6)
    assert np.isnan(found.diversity[1:]).all()  # a single item before
    assert found.popular.tolist() == [pytest.approx(2 / 6), 1, 0]
    assert not found.is_diverse.any()


def test_only_the_last_ten_items_of_a_history_count():
    log = Interactions.from_events(np.array(["ann"], dtype=object), np.zeros(13, int), np.arange(13), np.arange(13))
    found = describe_histories(log, np.array([12]), np.eye(13, dtype=np.float32), np.arange(13) < 3)
    assert found.popular.tolist() == [0.1]
    assert found.diversity[0] == pytest.approx(1)


def test_a_model_falls_back_where_diverse_histories_get_popular_lists(log):
    popular = np.arange(9) < 2
    vectors = np.eye(9, dtype=np.float32)
    vectors[[7, 8]] = 1
    histories = describe_histories(log, np.array([6, 5, 8]), vectors, popular)
    object.__setattr__(histories, "diversity", np.array([0.9, 0.1, 0.5]))
    found = fallback(np.array([[0, 1, 7], [0, 1, 7], [0, 8, -1]]), popular, histories)
    assert found.share.tolist() == [pytest.approx(2 / 3), pytest.approx(2 / 3), 0.5]
    assert found.is_mostly.all()
    assert found.is_fallback.tolist() == [True, False, False]
    assert found.most_listed[:2].tolist() == [0, 1]
    assert found.most_listed_share == 1


def test_the_same_seed_chooses_the_same_users_and_none_outside_the_rule():
    rank = np.array([0, 3, 9, 10, 0, 0])
    found = lists_with([0, 0.1, 0, 0, 0.6, 0], [False] * 6)
    before = np.array([9, 9, 9, 9, 9, 2])
    choice = personalised(evaluation(rank), found, before, count=2, seed=5)
    assert choice.eligible == 3
    assert set(choice.targets.tolist()) <= {0, 1, 2}
    again = personalised(evaluation(rank), found, before, count=2, seed=5)
    assert again.targets.tolist() == choice.targets.tolist()
    assert "Drawn with seed 5" in choice.rule
    assert personalised(evaluation(rank), found, before * 0).targets.tolist() == []
    assert fallen_back(evaluation(rank), lists_with([0.6] * 6, [False, True] * 3), before, count=9).eligible == 2


def test_examples_are_of_different_users_drawn_evenly():
    users = [0] * 90 + list(range(1, 11))
    found, before = lists_with([0.6] * 100, [True] * 100), np.full(100, 9)
    chosen = [fallen_back(evaluation([50] * 100, users), found, before, seed=seed).targets for seed in range(300)]
    assert all(len({users[row] for row in rows}) == 4 for rows in chosen)
    of_first = sum(users[row] == 0 for rows in chosen for row in rows)
    assert of_first / 300 == pytest.approx(4 / 11, abs=0.1)  # with most of the targets, and as likely as any
    assert len({row for rows in chosen for row in rows if users[row] == 0}) > 30
    assert len(fallen_back(evaluation([50] * 100, users), found, before, count=99).targets) == 11


def test_the_worst_targets_are_of_different_users_and_of_learned_items():
    one = evaluation([5, 90, 80, 99], users=[0, 1, 1, 2])
    assert worst_ranked(one, np.array([True, True, True, False])).targets.tolist() == [1, 0]
    assert worst_ranked(one, np.zeros(4, dtype=bool), count=1).targets.tolist() == [3]


def test_an_example_holds_what_was_before_and_what_came_next(log):
    one = evaluation([0, 4], users=[0, 1], top=[[7, 2, 3], [3, 0, 0]], events=[6, 8])
    ann, bob = (example(row, {"run": one}, log, length=2, history=3) for row in (0, 1))
    assert (ann.user, ann.before, ann.next_item, ann.candidates) == ("ann", 6, 6, 100)
    assert ann.history.tolist() == [3, 4, 5]
    assert ann.lists["run"].tolist() == [6, 1]
    assert (bob.history.tolist(), bob.lists["run"].tolist(), bob.ranks) == ([7], [2], {"run": 5.0})


def test_the_examples_in_its_docstrings_are_true():
    assert doctest.testmod(examples).failed == 0
