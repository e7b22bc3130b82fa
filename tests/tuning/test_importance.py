"""The importance of settings: decisive settings get the shares, and noise is called noise."""

import math
from dataclasses import replace

import pytest
from support.searches import drawn_trials, search_config

from embrec.tuning.importance import FEWEST, setting_importance

SPACE = {
    "training.learning_rate": {"log-uniform": [1e-4, 1e-1]},
    "model.dropout": {"uniform": [0, 0.5]},
    "training.loss.regularization": {"uniform": [0, 1]},
}
CONFIG = search_config(SPACE)


def by_rate(settings, generator):
    return 0.2 - 0.05 * abs(math.log10(settings["training.learning_rate"] / 3e-3)) + generator.normal(0, 1e-4)


@pytest.fixture(scope="module")
def decided():
    return setting_importance(drawn_trials(CONFIG, 40, by_rate), CONFIG)


def test_a_setting_that_decides_everything_gets_nearly_all(decided):
    assert decided.shares[0].key == "training.learning_rate"
    assert decided.shares[0].mean > 0.95
    assert sum(share.mean for share in decided.shares) == pytest.approx(1)
    assert {share.key for share in decided.shares} == set(SPACE)
    assert all(0 <= share.low <= share.mean <= share.high for share in decided.shares)
    assert decided.is_meaningful
    assert decided.explained > 0.7
    assert "The forest explains" in decided.words
    assert "hint" not in decided.words


def test_equal_trials_give_equal_shares(decided):
    assert setting_importance(drawn_trials(CONFIG, 40, by_rate), CONFIG) == decided


def test_noise_is_called_noise():
    found = setting_importance(drawn_trials(CONFIG, 30, lambda _, generator: generator.normal()), CONFIG)
    assert not found.is_meaningful
    assert "more trials are needed" in found.words


def test_a_metric_of_which_less_is_better_has_the_same_shares(decided):
    config = search_config(SPACE, objective="rank")
    trials = drawn_trials(config, 40, lambda settings, generator: -by_rate(settings, generator))
    worse_later = {
        number: replace(
            trial,
            epochs=(*trial.epochs, {**trial.epochs[0], "epoch": 2, "valid rank": trial.epochs[0]["valid rank"] + 5}),
        )
        for number, trial in trials.items()
    }
    found = setting_importance(worse_later, config)
    assert found.shares[0].key == "training.learning_rate"
    assert found.shares[0].mean == pytest.approx(decided.shares[0].mean, abs=0.02)


def test_a_choice_of_words_is_one_setting():
    options = ["gru", "relu", "tanh", "none"]
    config = search_config({"model.activation": {"choice": options}, **SPACE})
    gain = dict(zip(options, (0.3, 0.1, 0.3, 0.2), strict=True))
    found = setting_importance(drawn_trials(config, 40, lambda settings, _: gain[settings["model.activation"]]), config)
    assert found.shares[0].key == "model.activation"
    assert found.shares[0].mean > 0.95
    assert len(found.shares) == 4


def test_numbers_that_depend_on_a_choice_count_for_the_choice():
    space = {"training.negatives": {"choice": ["all", {"log-integer": [8, 1024]}]}, **SPACE}
    config = search_config(space)

    def value(settings, generator):
        negatives = settings["training.negatives"]
        return 0.5 if negatives == "all" else 0.05 * math.log2(negatives)

    found = setting_importance(drawn_trials(config, 40, value), config)
    assert found.shares[0].key == "training.negatives"
    assert found.shares[0].mean > 0.9
    assert {share.key for share in found.shares} == set(space)


def test_failed_trials_and_values_that_are_no_numbers_do_not_count():
    trials = drawn_trials(CONFIG, FEWEST + 1, by_rate)
    assert setting_importance(trials, CONFIG).trials == FEWEST + 1
    trials[1] = replace(trials[1], status="failed")
    assert setting_importance(trials, CONFIG).trials == FEWEST
    trials[2] = replace(trials[2], epochs=({"epoch": 1, "valid hr@10": math.nan, "seconds": 1.0},))
    found = setting_importance(trials, CONFIG)
    assert (found.trials, found.shares, found.explained) == (FEWEST - 1, (), None)
    assert found.words == (
        f"The importance of settings is not known: only {FEWEST - 1} trials have a value, and it takes {FEWEST}."
    )


def test_shares_of_a_search_that_stopped_most_trials_say_what_they_tell_of():
    trials = drawn_trials(CONFIG, 20, by_rate)
    stopped = {
        number: replace(trial, status="stopped" if number > 9 else "finished") for number, trial in trials.items()
    }
    found = setting_importance(stopped, CONFIG)
    assert found.shares == setting_importance(trials, CONFIG).shares
    assert "11 of 20 trials were stopped early: the shares tell what makes a training begin well" in found.words
    assert "stopped early" not in setting_importance(trials, CONFIG).words


def test_equal_values_and_no_trials_give_a_reason():
    same = setting_importance(drawn_trials(CONFIG, 10, lambda *_: 0.5), CONFIG)
    assert (same.shares, same.reason) == ((), "all trials have the same value")
    assert "no trial has a value" in setting_importance({}, CONFIG).words
