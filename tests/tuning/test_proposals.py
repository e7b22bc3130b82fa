"""Proposals of trials."""

import math
import sys

import pytest

from embrec.errors import MissingExtraError
from embrec.tuning.space import Space, settings_at

pytest.importorskip("hyperopt", reason="the extra 'tune' is not installed")
from embrec.tuning.proposals import Proposals

SPACE = Space.parse(
    {
        "x": {"uniform": [-1, 1]},
        "rate": {"log-uniform": [1e-5, 1e-1]},
        "size": {"integer": [1, 3]},
        "kind": {"choice": ["a", {"uniform": [5, 6]}]},
    }
)


def loss(point):
    settings = settings_at(SPACE, point)
    return settings["x"] ** 2 + abs(math.log10(settings["rate"]) + 3) + (settings["kind"] != "a")


def search(algorithm, samples, seed=0):
    proposals, points = Proposals(SPACE, algorithm, seed=seed, random_first=8), []
    for number in range(1, samples + 1):
        points.append(proposals.propose(number))
        proposals.tell(number, loss(points[-1]))
    return points


def test_every_proposal_lies_in_the_space_and_every_value_can_come():
    settings = [settings_at(SPACE, point) for point in search("random", 60)]
    assert all(SPACE.holds(one) for one in settings)
    assert {one["size"] for one in settings} == {1, 2, 3}
    assert {one["kind"] == "a" for one in settings} == {True, False}
    assert min(one["rate"] for one in settings) < 1e-4 < 1e-2 < max(one["rate"] for one in settings)


def test_a_seed_says_all_and_another_one_says_something_else():
    assert search("tpe", 12) == search("tpe", 12)
    assert search("tpe", 1, seed=1) != search("tpe", 1)


def test_the_tree_of_parzen_estimators_learns_and_chance_does_not():
    def late(algorithm):
        losses = [loss(point) for seed in range(3) for point in search(algorithm, 60, seed)[40:]]
        return sum(losses) / len(losses)

    assert late("tpe") < 0.8 * late("random")


@pytest.mark.parametrize("known", [0, 5, 20])
def test_an_interrupted_search_goes_on_as_it_would_have(known):
    points = search("tpe", known + 1)
    resumed = Proposals(SPACE, "tpe", seed=0, random_first=8)
    for number, point in enumerate(points[:known], 1):
        resumed.add(number, point)
        resumed.tell(number, loss(point))
    assert resumed.propose(known + 1) == points[known]


def test_failed_and_running_trials_are_no_examples_to_follow():
    proposals = Proposals(SPACE, "tpe", seed=0, random_first=5)
    for number in range(1, 30):
        point = proposals.propose(number)
        proposals.tell(number, None if settings_at(SPACE, point)["kind"] == "a" else 1 + abs(point["x"]))
    kinds = [settings_at(SPACE, proposals.propose(number))["kind"] for number in range(30, 70)]
    assert sum(kind == "a" for kind in kinds) <= 12  # chance would take the half of the space that fails 20 times


def test_without_hyperopt_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "hyperopt", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'embrec\[tune\]'"):
        Proposals(SPACE)
