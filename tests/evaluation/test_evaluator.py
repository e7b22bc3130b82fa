"""Full ranking of a log against a loop over users."""

import numpy as np
import pytest
import torch
from support.logs import log_of, toy_log
from support.toys import N_ITEMS, toy_batch, toy_model

from embrec.data.interactions import Interactions
from embrec.data.splits import GlobalTime, ItemHoldout, Label, LeaveOneOut
from embrec.errors import ConfigError, DataError
from embrec.evaluation.candidates import Sampled, Sampler
from embrec.evaluation.evaluator import EvaluationConfig, evaluate, protocol_for

LOG = toy_log(n_users=15)


def naive_rank(model, history, target, excluded):
    scores = model.score(toy_batch([item + 1 for item in history]))[0, 1:]
    others = [item for item in range(N_ITEMS) if item != target and item not in excluded]
    return 1 + sum((scores[item] > scores[target]).item() for item in others), len(others) + 1


@pytest.mark.parametrize("seen", ["exclude", "keep"])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_test_targets_are_ranked_after_all_earlier_events(seen, batch_size):
    model = toy_model()
    partition = LeaveOneOut()(LOG, N_ITEMS)
    config = EvaluationConfig(seen=seen, batch_size=batch_size)
    evaluation = evaluate(model, LOG, partition, partition.test, config, max_length=50)
    for row, user in enumerate(partition.test.user):
        *history, target = LOG.history(user).tolist()
        expected = naive_rank(model, history, target, set(history) if seen == "exclude" else set())
        assert (evaluation.rank[row], evaluation.standing.candidates[row]) == expected


def test_held_out_items_are_neither_history_nor_candidates_in_validation_but_both_at_test():
    model = toy_model()
    partition = ItemHoldout(fraction=0.2, seed=3)(LOG, N_ITEMS)
    held_out = set(np.flatnonzero(partition.hidden).tolist())
    config = EvaluationConfig(seen="keep")
    valid = evaluate(model, LOG, partition, partition.valid, config, max_length=50, hidden=partition.hidden)
    assert not (valid.label == Label.NEW_ITEM).any()
    for row, (user, position) in enumerate(zip(partition.valid.user, partition.valid.position, strict=True)):
        items = LOG.history(user).tolist()
        history = [item for item in items[:position] if item not in held_out]
        expected = naive_rank(model, history, items[position], held_out)
        assert (valid.rank[row], valid.standing.candidates[row]) == expected
    test = evaluate(model, LOG, partition, partition.test, config, max_length=50)
    assert (test.standing.candidates == N_ITEMS).all()
    assert (test.label == Label.NEW_ITEM).any()


def test_long_histories_are_cut_for_the_model_but_not_for_the_exclusion_of_seen_items():
    model = toy_model()
    partition = LeaveOneOut()(LOG, N_ITEMS)
    evaluation = evaluate(model, LOG, partition, partition.test, EvaluationConfig(), max_length=2)
    for row, user in enumerate(partition.test.user):
        *history, target = LOG.history(user).tolist()
        assert (evaluation.rank[row], evaluation.standing.candidates[row]) == naive_rank(
            model, history[-2:], target, set(history)
        )


def test_slices_add_up():
    partition = ItemHoldout(fraction=0.2, seed=3)(LOG, N_ITEMS)
    evaluation = evaluate(toy_model(), LOG, partition, partition.test, EvaluationConfig(), max_length=50)
    metrics = evaluation.metrics(["hr@10", "auc"])
    total = metrics["warm items"]["targets"] + metrics["cold items"]["targets"]
    assert total == metrics["all"]["targets"] == len(partition.test)
    mean = sum(metrics[name]["hr@10"] * metrics[name]["targets"] for name in ("warm items", "cold items")) / total
    assert metrics["all"]["hr@10"] == pytest.approx(mean)


def test_dropout_is_off_in_evaluation():
    model = toy_model(dropout=0.5).train()
    partition = LeaveOneOut()(LOG, N_ITEMS)
    first, second = (
        evaluate(model, LOG, partition, partition.test, EvaluationConfig(), max_length=50).rank for _ in range(2)
    )
    assert (first == second).all()
    assert not model.training
    assert torch.is_grad_enabled()


class WithoutFactors:
    """A model as a target-dependent scorer is: it gives whole rows of scores, and no vectors."""

    def __init__(self, model):
        self.model = model
        self.score, self.eval = model.score, model.eval

    def cached(self):
        return self

    def factors(self):
        return None


@pytest.mark.parametrize("source", ["content", "id"])
def test_scores_that_are_no_products_give_the_same_ranks_and_lists(source):
    model = toy_model(source=source, unknown=(3, 5))
    partition = LeaveOneOut()(LOG, N_ITEMS)
    one, other = (
        evaluate(ranker, LOG, partition, partition.test, EvaluationConfig(), max_length=50, keep=4)
        for ranker in (model, WithoutFactors(model))
    )
    assert (one.rank == other.rank).all()
    assert (one.top == other.top).all()
    assert (one.event == partition.test.events(LOG)).all()


def test_the_lists_hold_no_seen_item_and_the_target_where_it_ranks_high():
    partition = LeaveOneOut()(LOG, N_ITEMS)
    found = evaluate(toy_model(), LOG, partition, partition.test, EvaluationConfig(), max_length=50, keep=5)
    for row, user in enumerate(partition.test.user):
        *history, target = (LOG.history(user) + 1).tolist()
        assert not set(found.top[row].tolist()) & (set(history) - {target})
        assert (target in found.top[row].tolist()) == (found.rank[row] <= 5)


@pytest.mark.parametrize("exclude", ["history", "interacted", "nothing"])
@pytest.mark.parametrize("by", ["uniform", "popularity"])
def test_sampled_candidates_are_different_and_the_same_for_every_model_and_batch(by, exclude):
    partition = LeaveOneOut()(LOG, N_ITEMS)
    seen = []

    class Spy(WithoutFactors):
        def __init__(self, model):
            super().__init__(model)
            self.score = self.spy

        def spy(self, batch, candidates):
            seen.extend(zip(batch.user.tolist(), candidates.tolist(), strict=True))
            return self.model.score(batch, candidates)

    for batch_size, kind in ((4, "content"), (100, "id")):
        config = EvaluationConfig(candidates=f"sampled:count=5:by={by}:exclude={exclude}", batch_size=batch_size)
        found = evaluate(Spy(toy_model(source=kind)), LOG, partition, partition.test, config, max_length=50)
        assert (found.standing.candidates == 6).all()
        assert found.top is None
    halves = sorted(seen[: len(seen) // 2]), sorted(seen[len(seen) // 2 :])
    assert halves[0] == halves[1]
    for user, (target, *drawn) in halves[0]:
        *history, last = (LOG.history(user) + 1).tolist()
        assert target == last
        assert len(set(drawn)) == 5
        forbidden = {"history": {*history, last}, "interacted": {*history, last}, "nothing": {last}}[exclude]
        assert not set(drawn) & forbidden
        assert 0 not in drawn


def test_more_candidates_than_are_left_are_refused():
    partition = LeaveOneOut()(LOG, N_ITEMS)
    config = EvaluationConfig(candidates="sampled:count=15", metrics=("hr@5",))
    with pytest.raises(ConfigError, match=r"for some users only .* of the 20 items that can be drawn are left"):
        evaluate(toy_model(), LOG, partition, partition.test, config, max_length=50)
    with pytest.raises(ConfigError, match=r"candidates\.count is 20, but the catalog has 20 items"):
        protocol_for(EvaluationConfig(candidates="sampled:count=20"), 20)


def test_default_metrics_are_those_that_fit_the_candidates():
    assert protocol_for(EvaluationConfig(), 1000).metrics == ("hr@10", "ndcg@10", "mrr@10", "hr@50", "auc")
    assert protocol_for(EvaluationConfig(), 40).metrics == ("hr@10", "ndcg@10", "mrr@10", "auc")
    assert protocol_for(EvaluationConfig(candidates="sampled:count=5"), 40).metrics == ("auc",)
    chosen = EvaluationConfig(metrics=("hr@50", "auc"))
    assert protocol_for(chosen, 50) == chosen
    with pytest.raises(ConfigError, match="'hr@50' looks at the first 50 of only 40 candidates"):
        protocol_for(chosen, 40)


def test_a_metric_that_every_epoch_has_alike_does_not_choose_one():
    sampled = EvaluationConfig(candidates="sampled:count=49")
    for name in ("ndcg@50", "hr@49", "auc", "mrr"):
        protocol_for(sampled, 1000, select_by=name)
    for name in ("hr@50", "recall@100"):
        with pytest.raises(ConfigError, match=f"select_by is '{name}', but there are only 50 candidates"):
            protocol_for(sampled, 1000, select_by=name)


def test_items_seen_so_far_need_moments():
    rows = [[user % N_ITEMS, (user + 3) % N_ITEMS, (user + 5) % N_ITEMS] for user in range(30)]
    log = log_of(rows, [[0, 1, 2]] * len(rows))
    partition = LeaveOneOut()(log, N_ITEMS)
    with pytest.raises(DataError, match=r"positions in histories, not timestamps; .* use other candidates"):
        evaluate(toy_model(), log, partition, partition.test, EvaluationConfig(candidates="seen-so-far"), max_length=50)


def test_popular_items_are_drawn_in_proportion():
    weights = np.array([0, 1, 2, 4, 8, 16, *[1] * 400], dtype=float)
    events = np.arange(20_000)
    sampler = Sampler(Sampled(count=1), weights)
    drawn = sampler.draw(np.full(len(events), 100), events, events[:0], events[:0])[:, 0]
    share = np.bincount(drawn, minlength=len(weights)) / len(events)
    assert share[[0, 100]].tolist() == [0, 0]
    expected = np.delete(weights, 100) / (weights.sum() - 1)
    assert np.delete(share, 100) == pytest.approx(expected, abs=4 * (0.04 / len(events)) ** 0.5)


@pytest.mark.parametrize("others", [0, 4], ids=["few are left", "many are left"])  # the two ways to draw
def test_several_are_drawn_as_one_after_the_other_from_what_is_left(others):
    weights = np.array([0, 3, 2, 1, 4, *[1e-9] * others])  # what hardly weighs only changes the way; 4 is the target
    count, events = 2, np.arange(30_000)
    sampler = Sampler(Sampled(count=count), weights)
    drawn = np.sort(sampler.draw(np.full(len(events), 4), events, events[:0], events[:0]), axis=1)
    for pair in ((1, 2), (1, 3), (2, 3)):
        one, other = weights[list(pair)] / 6
        expected = one * other / (1 - one) + other * one / (1 - other)  # the first, then the second among those left
        assert (drawn == pair).all(axis=1).mean() == pytest.approx(expected, abs=4 * (0.25 / len(events)) ** 0.5)


def test_streaming_candidates_are_the_items_seen_up_to_the_target():
    user = np.repeat(np.arange(6), 5)
    generator = np.random.default_rng(0)
    item, time = generator.integers(0, N_ITEMS, 30), generator.permutation(30) // 2
    log = Interactions.from_events(np.array(list("abcdef"), dtype=object), user, item, time)
    partition = GlobalTime(train=0.5, valid=0.2)(log, N_ITEMS)
    config = EvaluationConfig(candidates="seen-so-far")
    model = toy_model()
    found = evaluate(model, log, partition, partition.test, config, max_length=50, keep=20)
    for row, event in enumerate(found.event):
        known = set(log.item[log.time <= log.time[event]].tolist())
        history = log.history(log.user[event])[: partition.test.position[row]].tolist()
        target = int(log.item[event])
        others = known - set(history) - {target}
        scores = model.score(toy_batch([item + 1 for item in history]))[0, 1:]
        assert found.rank[row] == 1 + sum((scores[item] > scores[target]).item() for item in others)
        assert found.standing.candidates[row] == len(others) + 1
        assert set(found.top[row].tolist()) - {0} == {item + 1 for item in others | {target}}


def test_a_model_of_nans_is_counted():
    model = toy_model()
    with torch.no_grad():
        model.query.bias.fill_(torch.nan)
    partition = LeaveOneOut()(LOG, N_ITEMS)
    found = evaluate(model, LOG, partition, partition.test, EvaluationConfig(), max_length=50)
    assert found.undefined == len(found)
    assert (found.rank == found.standing.candidates).all()
