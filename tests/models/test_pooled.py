"""Models with one query a history, and user vectors that reach the encoder and the scorer."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support.logs import toy_log
from support.tiny_models import pooled_model
from support.toys import N_ITEMS, next_item_batch, toy_batch

from embrec.data.batches import collate
from embrec.data.sequences import training_sequences
from embrec.data.splits import LeaveOneOut
from embrec.data.training_rows import ShuffledHistories
from embrec.evaluation.evaluator import EvaluationConfig, evaluate
from embrec.models.losses.cross_entropy import CrossEntropy
from embrec.models.negatives import Negatives
from embrec.training.config import TrainingConfig
from embrec.training.loop.trainer import Trainer
from embrec.training.objectives.factorised import FactorisedObjective

LOG = toy_log()
PARTITION = LeaveOneOut()(LOG, N_ITEMS)


def model():
    torch.manual_seed(0)
    known = torch.ones(N_ITEMS + 1, dtype=torch.bool)
    known[0] = False
    return pooled_model(SimpleNamespace(known=known)).eval()


def prefix_rows(max_length=50):
    """Every event of training but the first of each user, to be predicted from those before it."""
    whole = training_sequences(LOG, PARTITION, max_length)
    histories, targets, users = [], [], []
    for row, (start, stop) in enumerate(zip(whole.ptr[:-1], whole.ptr[1:], strict=True)):
        for place in range(start + 1, stop):
            histories.append(whole.items[start:place])
            targets.append(whole.items[place])
            users.append(whole.user[row])
    lengths = [len(history) for history in histories]
    return replace(
        whole,
        items=np.concatenate(histories),
        times=np.zeros(sum(lengths), dtype=np.int64),
        ptr=np.concatenate([[0], np.cumsum(lengths)]),
        user=np.array(users),
        target=np.array(targets, dtype=np.int32),
        target_time=np.zeros(len(targets), dtype=np.int64),
    )


def test_the_query_is_the_mean_and_the_user_is_in_encoder_and_scorer():
    made = model()
    items = made.catalog()
    mean = items[[3, 7, 2]].mean(dim=0)
    expected = made.query(mean + items[3]) + 0.5 * items[3]
    torch.testing.assert_close(made.queries(toy_batch([3, 7, 2], [5])).dense[0], expected)
    torch.testing.assert_close(made.score(toy_batch([3, 7, 2]))[0, 1:], (items @ expected)[1:])
    assert made.factors().causal is False


def test_targets_are_ranked_by_their_own_histories():
    made = model()
    found = evaluate(made, LOG, PARTITION, PARTITION.test, EvaluationConfig(seen="keep"), max_length=50)
    for row, user in enumerate(PARTITION.test.user):
        *history, target = LOG.history(user).tolist()
        scores = made.score(toy_batch([item + 1 for item in history]))[0, 1:]
        assert found.rank[row] == 1 + int((scores > scores[target]).sum())


def test_steps_are_the_rows_of_prefixes():
    made, rows = model(), prefix_rows()
    batch = collate(rows, np.arange(7))
    steps = made.training_steps(batch)
    assert steps.targets.tolist() == rows.target[:7].tolist()
    torch.testing.assert_close(steps.queries, made.queries(batch).dense)
    with pytest.raises(ValueError, match="train it on a row for each prefix"):
        made.training_steps(next_item_batch([3, 7, 2, 5]))


def test_a_pooled_model_learns_from_prefixes():
    made = model()
    config = TrainingConfig(epochs=15, batch_size=16, learning_rate=0.03)
    popularity = torch.nn.functional.pad(torch.from_numpy(PARTITION.training_counts(LOG)), (1, 0))
    state = Trainer(made, ShuffledHistories(prefix_rows(), config), popularity, None, config).fit()
    assert state.history[-1]["loss"] < 0.8 * state.history[0]["loss"]
    ranks = evaluate(made, LOG, PARTITION, PARTITION.test, EvaluationConfig(seen="keep"), max_length=50).rank
    assert ranks.mean() < N_ITEMS / 3


def test_the_loss_is_the_mean_over_prefixes():
    made, rows = model(), prefix_rows()
    batch = collate(rows, np.arange(5))
    objective = FactorisedObjective(made, CrossEntropy(), Negatives(), torch.ones(N_ITEMS + 1))
    total = objective(batch, torch.full((5,), 1 / 5), (0, 0))
    scores = made.score(batch)[:, 1:]
    expected = torch.nn.functional.cross_entropy(scores, torch.from_numpy(rows.target[:5].astype(np.int64)) - 1)
    torch.testing.assert_close(total, expected)
