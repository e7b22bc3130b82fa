"""Few candidates: counted before any model is there, and what metrics then say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.logs import log_of, toy_log
from support.standings import standing_at
from support.toys import N_ITEMS, toy_model

from embrec.data.splits import ItemHoldout, LeaveOneOut, UserHoldout
from embrec.errors import ConfigError
from embrec.evaluation.cautions import cautions, few_candidates, shown_metrics
from embrec.evaluation.evaluator import Evaluation, EvaluationConfig, evaluate
from embrec.evaluation.few_candidates import candidates_left, chance, check_selection, says_nothing, telling
from embrec.evaluation.metrics import metric
from embrec.evaluation.ranks import Standing

LOG = toy_log(n_users=15)
NAMES = ("hr@3", "recall@2", "ndcg@3", "mrr@2", "mrr", "auc", "auc-strict", "rank", "accuracy")


@pytest.mark.parametrize("candidates", ["all", "seen-so-far", "sampled:count=3"])
@pytest.mark.parametrize("seen", ["exclude", "keep"])
@pytest.mark.parametrize("split", [LeaveOneOut(), UserHoldout(), ItemHoldout(fraction=0.2)], ids=lambda s: s.kind)
def test_the_candidates_left_are_those_that_a_ranking_counts(split, seen, candidates):
    partition = split(LOG, N_ITEMS)
    config = EvaluationConfig(seen=seen, candidates=candidates)
    for targets, hidden in ((partition.valid, partition.hidden), (partition.test, None)):
        found = evaluate(toy_model(), LOG, partition, targets, config, max_length=50, hidden=hidden)
        expected = candidates_left(LOG, targets, config, N_ITEMS, hidden)
        assert found.standing.candidates.tolist() == expected.tolist()


@given(st.sampled_from(NAMES), st.integers(1, 6))
def test_a_metric_says_nothing_where_it_is_the_same_at_every_place(name, size):
    places = np.arange(size)
    standing = Standing(places, np.zeros_like(places), np.full_like(places, size), np.zeros(size, dtype=bool))
    values = metric(name, standing)
    assert says_nothing(name, np.array([size]))[0] == (values.min() == values.max())
    assert chance(name, np.array([size])) == pytest.approx(values.mean())


def test_chance_is_the_mean_over_targets():
    assert chance("hr@2", np.array([2, 4, 4, 8])) == pytest.approx((1 + 0.5 + 0.5 + 0.25) / 4)


def test_metrics_that_tell_nothing_of_nearly_all_targets_are_not_shown():
    few = np.full(1000, 5)
    assert telling(("hr@5", "hr@4", "ndcg@10", "auc"), few) == ("hr@4", "ndcg@10", "auc")
    few[:10] = 50  # a hundredth of the targets, and no more
    assert telling(("hr@5",), few) == ()
    few[:20] = 50
    assert telling(("hr@5",), few) == ("hr@5",)
    assert telling(("auc", "accuracy"), np.ones(3)) == ()


def few_item_log():
    """20 users with 9 of 12 items each: at test 4 candidates are left of each target, at validation 5."""
    generator = np.random.default_rng(0)
    return log_of([generator.permutation(12)[:9].tolist() for _ in range(20)])


def test_a_metric_that_hits_every_target_does_not_choose():
    log = few_item_log()
    partition = LeaveOneOut()(log, 12)
    with pytest.raises(ConfigError, match=r"'hr@10', but only 5 candidates are left of each validation target once"):
        check_selection("hr@10", log, partition.valid, EvaluationConfig(), 12)
    with pytest.raises(ConfigError, match=r"the objective is 'recall@5', but only 5 candidates"):
        check_selection("recall@5", log, partition.valid, EvaluationConfig(), 12, what="the objective")
    for fine in ("hr@4", "ndcg@10", "auc", "accuracy", "mrr@5"):
        check_selection(fine, log, partition.valid, EvaluationConfig(), 12)
    check_selection("hr@10", log, partition.valid, EvaluationConfig(seen="keep"), 12)
    hidden = np.arange(12) >= 10  # two items that validation does not see
    visible = partition.valid.select(np.flatnonzero(~hidden[log.item[partition.valid.events(log)]]))
    with pytest.raises(ConfigError, match="only 10 candidates are left of each validation target, so every"):
        check_selection("hr@10", log, visible, EvaluationConfig(seen="keep"), 12, hidden)


def evaluation_of(standing, users=None, ties="mean"):
    count = len(standing.greater)
    users = np.arange(count) if users is None else np.asarray(users)
    return Evaluation(standing, users, np.arange(count), np.zeros(count, dtype=np.int8), ties)


def test_few_candidates_are_said():
    assert few_candidates(("hr@10", "auc"), np.full(50, 100)) == []
    (line,) = few_candidates(("hr@10", "recall@10", "auc"), np.array([3, 4, 5] * 20))
    assert line == (
        "only 3 to 5 candidates are left of each target: hr@10 and recall@10 say nothing (every target is a hit whatever the "
        "model) and are left out"
    )
    (line,) = few_candidates(("hr@10",), np.full(50, 4))
    assert line.endswith("hr@10 says nothing (every target is a hit whatever the model)")
    (line,) = few_candidates(("hr@10", "auc"), np.array([5, 100, 100, 100]))
    assert (
        line
        == "of 25.0 % of the targets no more than 10 candidates are left: there each is a hit for hr@10, whatever the model"
    )
    (line,) = few_candidates(("ndcg@10", "auc"), np.full(50, 2))
    assert "ndcg@10 looks at all of them; a ranking by chance has ndcg@10 0.8155" in line
    (line,) = few_candidates(("auc",), np.array([1, 9, 9, 9]))
    assert line.startswith(
        "of 25.0 % of the targets no more than 1 candidates are left: there each has the best value for auc"
    )


def test_figures_that_are_too_good_by_construction_are_said():
    fine = evaluation_of(standing_at([0] * 40))
    assert cautions({"model": [fine]}, ("hr@10", "auc")) == []
    assert shown_metrics(("hr@10", "hr@100"), fine) == ("hr@10",)
    assert shown_metrics(("hr@100",), fine) == ("hr@100",)  # an empty table would say less
    (line,) = cautions({"model": [evaluation_of(standing_at([0] * 60), users=[1, 2] * 30)]}, ("auc",))
    assert line.startswith("the targets are of only 2 users: too few")
    nothing = np.zeros(40, dtype=np.int64)
    constant = Standing(nothing, nothing + 18, nothing + 19, nothing > 0)
    assert metric("hr@10", constant).mean() == 1  # the middle of 19 places is the tenth
    (line,) = cautions({"model": [evaluation_of(constant)]}, ("hr@10",))
    assert line.startswith("model scores all candidates of 100 % of the targets alike: it says nothing there")
    some = Standing(nothing, nothing + 3, nothing + 100, nothing > 0)
    assert cautions({"model": [evaluation_of(some)]}, ("hr@10",)) == []
    (line,) = cautions({"model": [evaluation_of(some, ties="optimistic")]}, ("hr@10",))
    assert line == "model ties 100 % of its targets with others, and optimistic ranks put them first"
