"""The trainer learns, keeps the best epoch, and goes on from a kill as if there had been none."""

import pytest
import torch
from support.toys import N_ITEMS, toy_model
from support.workers import INTERACTIONS, KilledError, make_trainer, weights

from embrec.data.splits import ItemHoldout, LeaveOneOut
from embrec.errors import ConfigError, RunError
from embrec.evaluation.evaluator import EvaluationConfig, evaluate
from embrec.models.losses.cross_entropy import CrossEntropy
from embrec.models.negatives import Negatives
from embrec.training.loop.trainer import Validation
from embrec.training.objectives.factorised import FactorisedObjective


def validation(value):
    return Validation({"ndcg@10": value}, value)


def trainer(*arguments, source="content", **options):
    return make_trainer(*arguments, model={"source": source}, **options)


def test_training_learns_the_order_of_the_items():
    learner = trainer(epochs=12, patience=12)
    before = learner.validate().gain
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
        return validation(next(values))

    told = []
    learner = trainer(validate=validate, epochs=10, patience=2)
    learner.progress = lambda *state: told.append(state)
    state = learner.fit()
    assert (state.best_epoch, len(state.history)) == (1, 4)
    assert torch.equal(weights(learner), snapshots[1])
    assert told[-1][0] == "epoch 4/10"
    assert told[-1][3].endswith(", valid ndcg@10 0.3000, no better for 2 epochs: stopped")
    assert sum("stopped" in note for *_, note in told) == 1


def test_the_best_epoch_has_the_highest_gain_whatever_its_metric():
    values = iter([0.5, 0.2, 0.3, 0.1, 0.4, 0.6])

    def validate():
        value = next(values)
        return Validation({"rank": value}, -value)

    learner = trainer(validate=validate, epochs=10, patience=2, select_by="rank")
    state = learner.fit()
    assert (state.best_epoch, len(state.history)) == (3, 6)


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
    objective = FactorisedObjective(model, CrossEntropy(), Negatives(), torch.ones(N_ITEMS + 1))
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


def test_the_last_epoch_is_validated_and_of_the_others_every_second_one():
    state = trainer(epochs=5, validate_every=2, patience=10).fit()
    assert ["valid ndcg@10" in record for record in state.history] == [False, True, False, True, True]


def test_patience_waits_for_a_validation():
    values = iter([0.5, 0.4, 0.3])
    state = trainer(validate=lambda: validation(next(values)), epochs=20, validate_every=3, patience=2).fit()
    assert (state.best_epoch, len(state.history)) == (2, 6)


def test_validated_and_final_weights_are_the_average_and_training_goes_on_with_the_raw_ones():
    seen = []

    def fit(**options):
        learner = trainer(epochs=2, **options)
        take, steps = learner.take_step, []
        learner.take_step = lambda share: (take(share), steps.append(weights(learner).clone()))
        learner.validate = lambda: seen.append(weights(learner).clone()) or validation(float(len(seen)))
        learner.fit()
        return weights(learner), steps

    (_, raw_steps), (averaged, averaged_steps) = fit(), fit(ema=0.99)
    assert all(torch.equal(*pair) for pair in zip(raw_steps, averaged_steps, strict=True))
    assert torch.equal(averaged, seen[-1])
    assert not torch.allclose(averaged, averaged_steps[-1])


def test_the_rate_follows_the_schedule_and_is_shown():
    notes = []
    learner = trainer(epochs=3, schedule={"name": "cosine", "warm_up": 1, "unit": "epoch"}, learning_rate=0.02)
    learner.progress = lambda task, done, total, note="": notes.append(note)
    state = learner.fit()
    assert [record["learning rate"] for record in state.history] == pytest.approx([0.02, 0.02, 0.01])
    assert "learning rate 1.00e-02" in notes[-1]


def test_the_rate_of_each_step_reaches_the_optimizer():
    rates = []
    learner = trainer(epochs=2, schedule={"warm_up": 4}, learning_rate=0.02)
    take = learner.updates.optimizer.step
    learner.updates.optimizer.step = lambda: (rates.append(learner.updates.optimizer.param_groups[0]["lr"]), take())
    learner.fit()
    assert rates[:6] == pytest.approx([0.005, 0.01, 0.015, 0.02, 0.02, 0.02])


def test_frozen_negatives_repeat_the_batches_and_draws_of_the_first_epoch():
    def draws(frozen):
        learner = trainer(epochs=2, batch_size=16, negatives={"count": 4, "frozen": frozen})
        seen = {0: [], 1: []}
        sampler = learner.objective.sampler

        def remember(histories, moment, take=sampler.__call__):
            sample = take(histories, moment)
            seen[learner.state.epoch].append((histories.targets.tolist(), sample.ids.tolist()))
            return sample

        learner.objective.sampler = remember
        learner.fit()
        return seen

    frozen, fresh = draws(True), draws(False)
    assert frozen[0] == frozen[1]
    assert fresh[0] != fresh[1]
    assert frozen[0] == fresh[0]


def explode(learner, epoch, step, what):
    """Spoil the loss or the gradient of one step."""
    take = learner.updates.apply

    def apply(loss, *moment):
        if (learner.state.epoch, learner.state.step) == (epoch, step):
            if what == "gradient":
                learner.model.query.bias.register_hook(lambda gradient: gradient * float("nan"))
            else:
                loss = loss * float("inf")
        return take(loss, *moment)

    learner.updates.apply = apply
    return learner


@pytest.mark.parametrize(("what", "message"), [("gradient", "the gradient's norm is nan"), ("loss", "the gradient's")])
@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
def test_a_gradient_that_is_no_number_stops_the_training_and_keeps_the_checkpoint(tmp_path, what, message, clip_norm):
    checkpoint = tmp_path / "trainer.pt"
    learner = explode(trainer(checkpoint, clip_norm=clip_norm), 1, 2, what)
    with pytest.raises(RunError, match=message) as error:
        learner.fit()
    text = str(error.value)
    assert "in epoch 2, step 3, at learning rate 0.02" in text
    assert f"{checkpoint}, epoch 2, step 2" in text
    assert "\n" not in text
    saved = torch.load(checkpoint, weights_only=True)
    assert (saved["state"]["epoch"], saved["state"]["step"]) == (1, 2)
    assert all(tensor.isfinite().all() for tensor in saved["parts"]["model"].values())
    resumed = trainer(checkpoint, clip_norm=clip_norm)
    resumed.fit()
    whole = trainer(clip_norm=clip_norm)
    whole.fit()
    assert torch.equal(weights(resumed), weights(whole))


def test_steps_that_are_read_together_are_told_apart(tmp_path):
    checkpoint = tmp_path / "trainer.pt"
    learner = trainer(checkpoint, batch_size=2)
    learner.guard.values = torch.zeros(4, 2)  # as on an accelerator
    explode(learner, 0, 5, "gradient")
    with pytest.raises(RunError, match=r"in epoch 1, step 6, .*, epoch 1, step 4"):
        learner.fit()


def test_weights_that_overflow_are_not_saved(tmp_path):
    checkpoint = tmp_path / "trainer.pt"
    learner = trainer(checkpoint, optimizer="sgd", learning_rate=1e38)
    with pytest.raises(RunError, match="at learning rate 1e\\+38"):
        learner.fit()
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)["parts"]["model"]
        assert all(tensor.isfinite().all() for tensor in saved.values())


def test_an_unknown_part_of_the_model_is_refused():
    with pytest.raises(ConfigError, match="the model has no part 'nothing'"):
        trainer(l2={"nothing": 1.0})
