"""Full ranking of a log against a loop over users."""

import numpy as np
import pytest
import torch
from support.logs import toy_log
from support.toys import N_ITEMS, toy_batch, toy_model

from embrec.data.splits import ItemHoldout, LeaveOneOut
from embrec.evaluation.evaluator import EvaluationConfig, evaluate

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
        assert (evaluation.rank[row], evaluation.candidates[row]) == expected


def test_held_out_items_are_neither_history_nor_candidates_in_validation_but_both_at_test():
    model = toy_model()
    partition = ItemHoldout(fraction=0.2, seed=3)(LOG, N_ITEMS)
    held_out = set(np.flatnonzero(partition.hidden).tolist())
    config = EvaluationConfig(seen="keep")
    valid = evaluate(model, LOG, partition, partition.valid, config, max_length=50, hidden=partition.hidden)
    assert not valid.new_item.any()
    for row, (user, position) in enumerate(zip(partition.valid.user, partition.valid.position, strict=True)):
        items = LOG.history(user).tolist()
        history = [item for item in items[:position] if item not in held_out]
        expected = naive_rank(model, history, items[position], held_out)
        assert (valid.rank[row], valid.candidates[row]) == expected
    test = evaluate(model, LOG, partition, partition.test, config, max_length=50)
    assert (test.candidates == N_ITEMS).all()
    assert test.new_item.any()


def test_long_histories_are_cut_for_the_model_but_not_for_the_exclusion_of_seen_items():
    model = toy_model()
    partition = LeaveOneOut()(LOG, N_ITEMS)
    evaluation = evaluate(model, LOG, partition, partition.test, EvaluationConfig(), max_length=2)
    for row, user in enumerate(partition.test.user):
        *history, target = LOG.history(user).tolist()
        assert (evaluation.rank[row], evaluation.candidates[row]) == naive_rank(
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
