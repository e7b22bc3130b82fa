"""Lists of seeds, and what is said about their runs."""

import math

import pytest

from embrec.errors import ConfigError
from embrec.evaluation.statistics import mean_interval
from embrec.runs.seeds import parse_seeds, train_seeds


def test_a_list_of_seeds_is_read():
    assert parse_seeds("0,1, 7") == [0, 1, 7]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a whole number from 0; give a list such as 0,1,2"),
        ("1,,2", "'' is not a whole number"),
        ("1,two", "'two' is not a whole number"),
        ("1,-2", "'-2' is not a whole number"),
        ("1.5", "'1.5' is not a whole number"),
        ("3,1,3", "seed 3 is given twice"),
    ],
)
def test_a_bad_list_is_refused_in_one_line(text, message):
    with pytest.raises(ConfigError, match=message) as error:
        parse_seeds(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("seeds", "message"), [([], "no seed"), ([1, 1], "twice"), ([-1], "negative")])
def test_python_callers_get_the_same_checks(seeds, message):
    with pytest.raises(ConfigError, match=message):
        train_seeds(None, None, seeds, "name")


def test_the_interval_is_that_of_the_t_distribution():
    mean, half_width = mean_interval([1.0, 2.0, 4.0, 5.0])
    assert mean == 3
    assert half_width == pytest.approx(3.182446 * math.sqrt(10 / 3) / 2, rel=1e-6)


def test_one_seed_says_nothing_about_the_others():
    mean, half_width = mean_interval([0.5])
    assert mean == 0.5
    assert math.isnan(half_width)
