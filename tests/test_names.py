import doctest

import pytest

from embrec import names


def test_examples_hold():
    assert doctest.testmod(names).failed == 0


@pytest.mark.parametrize(
    ("given", "meant"),
    [("ofice", "office"), ("OFFICE", "office"), ("ml1m", "ml-1m"), ("grocries", "groceries"), ("xyz", None)],
)
def test_nearest_forgives_case_marks_and_small_slips(given, meant):
    assert names.nearest(given, ["office", "ml-1m", "groceries"]) == meant


def test_a_long_list_of_names_is_cut_and_counted():
    message = names.unknown("run", "r3o", [f"r{place}" for place in range(40)])
    assert message.endswith("r11 and 28 more")
    assert "did you mean" in message


def test_no_names_at_all_are_said():
    assert names.unknown("run", "first", []) == "unknown run 'first'; there are: none yet"
