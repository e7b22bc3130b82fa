"""A final training: on training and validation events together, for exactly so many epochs, and on nothing of the test."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from support.categories import BOTH, N_ITEMS, chosen_and_final, config_of, toy_category
from support.logs import log_of
from support.workers import make_trainer, weights

import embrec.runs.pipeline as pipeline
from embrec.data.splits import GlobalTime, ItemHoldout, LeaveOneOut, PerUserRatio, UserHoldout
from embrec.data.store import load_dataset, save_dataset
from embrec.errors import ConfigError, DataError
from embrec.evaluation.leaks import Status
from embrec.runs.inputs import run_fingerprint
from embrec.runs.pipeline import train
from embrec.runs.presets import run_name
from embrec.runs.seeds import train_seeds
from embrec.serving.recommender import Recommender

SPLITS = [
    LeaveOneOut(),
    ItemHoldout(fraction=0.2),
    PerUserRatio(train=0.5, valid=0.25),
    UserHoldout(valid=0.2, test=0.2),
    GlobalTime(train=0.6, valid=0.2, targets="last"),
]


def interleaved_log():
    """40 users who are all there all the time, so that every moment divides every history."""
    generator = np.random.default_rng(0)
    rows = [generator.integers(0, N_ITEMS, 8) for _ in range(40)]
    return log_of(rows, [[100 * step + user for step in range(8)] for user in range(40)])


def moved(log, where):
    """The log in which the items of some events have changed places, among those alone."""
    item = log.item.copy()
    item[where] = np.roll(item[where], 1)
    return replace(log, item=item)


def trained_files(folder, log, config):
    category = toy_category(folder)
    save_dataset(category, replace(load_dataset(category), interactions=log))
    run = train(category, config, "one").run
    return run.weights.read_bytes(), load_file(run.items)["known"]


@pytest.mark.parametrize("split", SPLITS, ids=lambda split: split.kind)
def test_weights_depend_on_validation_events_and_never_on_those_of_the_test(tmp_path, split):
    log = interleaved_log()
    partition = split(log, N_ITEMS)
    hidden, outside = partition.hidden[log.item], ~partition.train_and_valid
    config = config_of(BOTH, split=split)
    before, known = trained_files(tmp_path / "before", log, config)
    final = partition.with_validation(log)
    assert (known[1:] == final.train_items).all()
    other = moved(moved(log, outside & ~hidden), outside & hidden)
    assert (other.item != log.item).sum() > 20
    after, known_after = trained_files(tmp_path / "test", other, config)
    assert after == before
    assert (known_after == known).all()
    changed, _ = trained_files(tmp_path / "valid", moved(log, partition.valid.events(log)), config)
    assert changed != before


def test_all_epochs_are_trained_and_the_last_is_kept():
    learner = make_trainer(final=True, epochs=5, patience=1, validate_every=2)
    state = learner.fit()
    assert (state.best_epoch, len(state.history), state.finished) == (4, 5, True)
    assert not any(name.startswith("valid") for record in state.history for name in record)
    assert len(learner.rows.sequences) == len(make_trainer().rows.sequences)
    assert len(learner.rows.sequences.items) > len(make_trainer().rows.sequences.items)


def test_the_average_of_the_last_epoch_is_kept_where_there_is_one():
    learner, steps = make_trainer(final=True, epochs=2, ema=0.99), []
    take = learner.take_step
    learner.take_step = lambda share: (take(share), steps.append(weights(learner).clone()))
    learner.fit()
    plain = make_trainer(final=True, epochs=2)
    plain.fit()
    assert torch.equal(weights(plain), steps[-1])
    assert not torch.allclose(weights(learner), steps[-1])
    kept = zip(learner.model.parameters(), learner.updates.average.average, strict=True)
    assert all(torch.equal(weight, average) for weight, average in kept)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A category, a run that chose its epoch, and one that learned from the validation events too."""
    return chosen_and_final(tmp_path_factory.mktemp("shop"))


def test_the_metrics_say_what_was_learned_from(shop):
    _, chosen, final = shop
    assert chosen.metrics["protocol"]["learned from"] == "train"
    assert final.metrics["protocol"]["learned from"] == "train+validation"
    assert (final.metrics["valid"], final.metrics["best epoch"], final.metrics["epochs"]) == ({}, 3, 3)
    epochs = [json.loads(line) for line in final.run.events.read_text().splitlines()]
    assert [sorted(epoch) for epoch in epochs] == [["epoch", "loss", "seconds"]] * 3
    assert chosen.metrics["valid"]


def test_the_vectors_are_those_that_validation_chose_with(shop):
    _, chosen, final = shop
    assert chosen.run.config().model.features == final.run.config().model.features
    leaks = final.run.read_leaks()
    fitting = next(check for check in leaks.checks if check.name.startswith("fitting of tfidf"))
    assert fitting.status == Status.OK
    before, after = (run.run.read_leaks()["time overlap"].counts for run in (chosen, final))
    assert before["test targets"] == after["test targets"]
    assert before != after


def test_a_final_run_recommends(shop):
    _, _, final = shop
    recommender = Recommender.load(final.run)
    (answer,) = recommender.recommend([["i01", "i02"]], k=3)
    assert len(answer) == 3


def test_several_seeds_and_a_second_call(shop):
    category, _, _ = shop
    config = config_of(BOTH, **{"training.epochs": 1})
    first = train_seeds(category, config, [0, 1], "many")
    again = train_seeds(category, config, [0, 1], "many")
    assert first.values("ndcg@10") == again.values("ndcg@10")
    assert all(run.reused for run in again.runs.values())


def test_names_of_runs_that_were_there_before_do_not_change(shop):
    category, _, _ = shop
    dataset = load_dataset(category)
    plain, final = config_of(), config_of(BOTH)
    assert "learn_from" not in plain.identity(training=set())["training"]
    assert plain.identity(training=set(), model={"dim"})["model"].keys() == plain.model.model_dump().keys() - {"dim"}
    assert final.identity(training=set())["training"]["learn_from"] == "train+validation"
    assert run_fingerprint(plain, dataset, []) != run_fingerprint(final, dataset, [])
    assert (run_name(plain), run_name(final)) == ("id", "id-train-validation")


def test_an_unknown_value_is_refused_in_one_line():
    with pytest.raises(ConfigError, match=r"'training.learn_from' is 'all': Input should be 'train' or") as error:
        config_of("training.learn_from=all")
    assert "\n" not in str(error.value)


def test_a_split_that_keeps_nothing_for_validation_has_nothing_to_add(tmp_path):
    category = toy_category(tmp_path)
    config = config_of(BOTH, split=UserHoldout(valid=0.001))
    with pytest.raises(DataError, match="leaves no validation targets"):
        train(category, config, "none")


def test_what_a_search_needs_is_not_read_by_a_final_training(tmp_path, monkeypatch):
    category = toy_category(tmp_path)
    monkeypatch.setattr("embrec.runs.validation.evaluate", None)
    settings = [BOTH, "training.select_by=auc", "training.patience=1", "training.validate_every=2"]
    result = pipeline.train(category, config_of(*settings, **{"training.epochs": 3}), "final")
    assert result.metrics["epochs"] == 3
