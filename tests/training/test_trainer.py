"""The trainer learns, keeps the best epoch, and goes on from a kill as if there had been none."""

import pytest
import torch
from support.toys import N_ITEMS, toy_model
from support.workers import INTERACTIONS, KilledError, make_trainer, weights

from embrec.data.splits import ItemHoldout, LeaveOneOut
from embrec.errors import RunError
from embrec.evaluation.evaluator import EvaluationConfig, evaluate
from embrec.models.losses.config import CrossEntropy
from embrec.models.negatives import Negatives
from embrec.training.objective import Objective


def trainer(*arguments, source="content", **options):
    return make_trainer(*arguments, model={"source": source}, **options)


def test_training_learns_the_order_of_the_items():
    learner = trainer(epochs=12, patience=12)
    before = learner.validate()["ndcg@10"]
    state = learner.fit()
    assert state.best_value > before + 0.2
    assert state.history[-1]["loss"] < state.history[0]["loss"]


@pytest.mark.parametrize("source", ["content", "hybrid"])
def test_a_killed_training_ends_with_the_same_weights(tmp_path, source):
    whole = trainer(source=source)
    whole.fit()
    checkpoint = tmp_path / "trainer.pt"
    for kill_after in (3, 9, 14):
        with pytest.raises(KilledError):
            trainer(checkpoint, kill_after, source=source).fit()
    resumed = trainer(checkpoint, source=source)
    state = resumed.fit()
    assert torch.equal(weights(resumed), weights(whole))
    assert len(state.history) == 4
    assert [record["loss"] for record in state.history] == [record["loss"] for record in whole.state.history]


def test_a_finished_training_is_not_repeated(tmp_path):
    checkpoint = tmp_path / "trainer.pt"
    first = trainer(checkpoint)
    first.fit()
    again = trainer(checkpoint, kill_after=1)
    again.fit()
    assert torch.equal(weights(again), weights(first))


def test_the_best_epoch_is_restored_and_patience_ends_the_training():
    values = iter([0.1, 0.5, 0.2, 0.3, 0.9])
    snapshots = []

    def validate():
        snapshots.append(weights(learner).clone())
        return {"ndcg@10": next(values)}

    learner = trainer(validate=validate, epochs=10, patience=2)
    state = learner.fit()
    assert (state.best_epoch, len(state.history)) == (1, 4)
    assert torch.equal(weights(learner), snapshots[1])


def test_another_configuration_does_not_resume_from_the_checkpoint(tmp_path):
    checkpoint = tmp_path / "trainer.pt"
    trainer(checkpoint, epochs=1).fit()
    with pytest.raises(RunError, match="another configuration"):
        trainer(checkpoint, fingerprint="other").fit()


def test_a_broken_checkpoint_is_named(tmp_path):
    checkpoint = tmp_path / "trainer.pt"
    checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(RunError, match=r"trainer\.pt: the checkpoint cannot be read"):
        trainer(checkpoint).fit()


def test_a_loss_that_is_no_number_stops_the_training():
    learner = trainer()
    with torch.no_grad():
        learner.model.query.bias.fill_(float("nan"))
    with pytest.raises(RunError, match=r"epoch 1, step 1, at learning rate 0\.02"):
        learner.fit()


def test_items_without_training_events_are_no_candidates_of_the_loss():
    model = toy_model("id", unknown=(4, 9))
    objective = Objective(model, CrossEntropy(), Negatives(), torch.ones(N_ITEMS + 1))
    assert 4 not in objective.candidates
    assert 9 not in objective.candidates
    assert len(objective.candidates) == N_ITEMS - 2


@pytest.mark.parametrize("split", [LeaveOneOut(), ItemHoldout(fraction=0.2)])
def test_changing_later_events_changes_no_earlier_ranking(split):
    model = toy_model()
    items = INTERACTIONS.item.copy()
    last = INTERACTIONS.user_ptr[1:] - 1
    items[last] = (items[last] + 7) % N_ITEMS
    changed = type(INTERACTIONS)(
        INTERACTIONS.user_ids, INTERACTIONS.user, items, INTERACTIONS.time, INTERACTIONS.context
    )
    results = []
    for log in (INTERACTIONS, changed):
        partition = split(INTERACTIONS, N_ITEMS)
        evaluation = evaluate(
            model, log, partition, partition.valid, EvaluationConfig(), max_length=50, hidden=partition.hidden
        )
        results.append(evaluation.rank)
    assert (results[0] == results[1]).all()
