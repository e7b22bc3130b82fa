"""Summaries of a search against values computed by hand."""

import pytest
from support.searches import made_trial, search_config

from embrec.tuning.space import Space
from embrec.tuning.summary import (
    Savings,
    Step,
    best_so_far,
    counts,
    default_trial,
    gain,
    narrow_settings,
    savings,
    short_labels,
    shown_setting,
    trial_rows,
)

SPACE = {"model.dropout": {"uniform": [0, 0.5]}, "training.learning_rate": {"log-uniform": [1e-4, 1e-1]}}
BASE = Space.parse(SPACE).values_of(search_config(SPACE).base)
CONFIG = search_config(SPACE, epochs=9, start=(BASE,))


def settings(dropout=0.1):
    return {"model.dropout": dropout, "training.learning_rate": 0.01}


def some_trials(config=CONFIG, sign=1):
    """Every status once, and a trial that ended by itself before its last epoch."""
    made = [
        made_trial(config, 1, BASE, [sign * value for value in (0.1, 0.2, 0.15, 0.1)]),
        made_trial(config, 2, settings(), [sign * 0.05], "stopped", seconds=3.0),
        made_trial(config, 3, settings(0.2), [sign * 0.9], "failed", error="it burst"),
        made_trial(config, 4, settings(0.3), [sign * value for value in (0.2, 0.25, 0.3)], "stopped", seconds=1.0),
        made_trial(config, 5, settings(0.4), [], "begun"),
    ]
    return {trial.number: trial for trial in made}


def test_savings_are_the_epochs_that_stopped_trials_lack():
    # 4 + 1 + 1 + 3 epochs in 8 + 3 + 2 + 3 seconds; the stopped ones lack 8 of 3 seconds and 6 of 1 second
    found = savings(some_trials(), CONFIG)
    assert found == Savings(epochs=9, epochs_whole=9 + 8 + 6, seconds=16.0, seconds_whole=16.0 + 24.0 + 6.0)
    assert found.share == pytest.approx(14 / 23)


def test_without_stopped_trials_nothing_is_saved():
    trials = {number: trial for number, trial in some_trials().items() if trial.status != "stopped"}
    found = savings(trials, CONFIG)
    assert (found.epochs, found.epochs_whole, found.share) == (5, 5, 0.0)
    assert savings({}, CONFIG) == Savings(0, 0, 0.0, 0.0)
    assert savings({}, CONFIG).share == 0.0


def test_the_best_so_far_passes_over_trials_without_a_value():
    assert best_so_far(some_trials(), CONFIG) == [
        Step(1, "finished", 0.2, 0.2),
        Step(2, "stopped", 0.05, 0.2),
        Step(3, "failed", None, 0.2),
        Step(4, "stopped", 0.3, 0.3),
        Step(5, "begun", None, 0.3),
    ]
    assert best_so_far({3: some_trials()[3]}, CONFIG) == [Step(3, "failed", None, None)]


def test_less_is_better_where_the_metric_says_so():
    config = search_config(SPACE, objective="rank", start=(BASE,))
    trials = some_trials(config, sign=-1)  # the same trials turned over
    assert [step.best for step in best_so_far(trials, config)] == [-0.2, -0.2, -0.2, -0.3, -0.3]
    assert [row.number for row in trial_rows(trials, config)] == [4, 1, 2, 3, 5]
    assert gain(trials, config) == pytest.approx(0.5)


def test_statuses_are_counted():
    assert counts(some_trials()) == {"finished": 1, "stopped": 2, "failed": 1, "begun": 1}


def test_rows_stand_by_rank_and_those_without_one_come_last():
    rows = trial_rows(some_trials(), CONFIG)
    assert [(row.rank, row.number, row.value, row.best_epoch, row.epochs) for row in rows] == [
        (1, 4, 0.3, 3, 3),
        (2, 1, 0.2, 2, 4),
        (3, 2, 0.05, 1, 1),
        (None, 3, 0.9, 1, 1),
        (None, 5, None, None, 0),
    ]
    assert rows[3].error == "it burst"
    assert rows[0].settings == settings(0.3)
    assert rows[0].seconds == 3.0


def test_the_default_settings_are_known_only_where_they_were_a_starting_point():
    found = default_trial(some_trials(), CONFIG)
    assert found is not None
    assert found.number == 1
    assert gain(some_trials(), CONFIG) == pytest.approx(0.5)
    without = search_config(SPACE, epochs=9)
    assert default_trial(some_trials(), without) is None
    assert gain(some_trials(), without) is None


def test_labels_are_as_short_as_they_can_be():
    assert short_labels(["training.learning_rate", "model.dropout"]) == {
        "training.learning_rate": "learning_rate",
        "model.dropout": "dropout",
    }
    assert short_labels(["model.dropout", "training.loss.dropout"]) == {
        "model.dropout": "model.dropout",
        "training.loss.dropout": "loss.dropout",
    }
    assert short_labels(["loss", "training.loss"]) == {"loss": "loss", "training.loss": "training.loss"}


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("training.learning_rate", 0.0012345, "0.00123"),
        ("training.weight_decay", 0.0, "0"),
        ("model.layers", 2, "2"),
        ("training.negatives", "all", "all"),
        ("model.bias", True, "yes"),
        ("model.fc", None, "none"),
        ("model.features", ["tfidf-0a1b2c3d", "glove-100-4e5f6a7b"], "tfidf + glove-100"),
        ("model.features", [], "none"),
        ("model.features", "tfidf", "tfidf"),
    ],
)
def test_settings_are_shown_as_people_write_them(key, value, shown):
    assert shown_setting(key, value) == shown


def rates_and_dropouts(*pairs):
    """Trials whose values fall from the first to the last, with these learning rates and dropouts."""
    return {
        number: made_trial(CONFIG, number, {"training.learning_rate": rate, "model.dropout": dropout}, [1 / number])
        for number, (rate, dropout) in enumerate(pairs, start=1)
    }


def test_a_range_whose_end_is_best_is_called_narrow():
    # The rate is 1e-4 to 1e-1, three decades; its best three lie within .3 of a decade of the upper end.
    (said,) = narrow_settings(rates_and_dropouts((0.09, 0.2), (0.06, 0.3), (0.052, 0.2), (1e-3, 0.1)), CONFIG)
    assert said.startswith("The best three trials have learning_rate at the upper end of its range, 0.0001 to 0.1:")
    assert narrow_settings(rates_and_dropouts((0.09, 0.2), (0.06, 0.3), (0.04, 0.2)), CONFIG) == []
    assert narrow_settings(rates_and_dropouts((0.09, 0.2), (0.06, 0.3)), CONFIG) == []  # two may meet by chance


def test_a_range_that_cannot_go_further_is_not_called_narrow():
    # No dropout is below 0; above .5 there are more.
    assert narrow_settings(rates_and_dropouts((0.01, 0.0), (0.01, 0.01), (0.01, 0.02)), CONFIG) == []
    assert len(narrow_settings(rates_and_dropouts((0.01, 0.5), (0.01, 0.49), (0.01, 0.48)), CONFIG)) == 1
