"""Learning rates of schedules, computed by hand."""

import math

import pytest

from embrec.training.config import Schedule, TrainingConfig


def factors(schedule, total):
    return [schedule.factor(done, total) for done in range(total)]


def test_a_constant_rate_stays():
    assert factors(Schedule(), 4) == [1, 1, 1, 1]


def test_the_last_step_of_the_warm_up_has_the_full_rate():
    assert factors(Schedule(warm_up=4), 6) == [0.25, 0.5, 0.75, 1, 1, 1]


def test_a_cosine_falls_from_the_full_rate_to_the_floor():
    expected = [1, (1 + math.sqrt(0.5)) / 2, 0.5, (1 - math.sqrt(0.5)) / 2]
    assert factors(Schedule(name="cosine"), 4) == pytest.approx(expected)
    with_floor = [0.2 + 0.8 * value for value in expected]
    assert factors(Schedule(name="cosine", floor=0.2), 4) == pytest.approx(with_floor)
    assert Schedule(name="cosine", floor=0.2).factor(4, 4) == pytest.approx(0.2)


def test_a_cosine_begins_after_the_warm_up():
    assert factors(Schedule(name="cosine", warm_up=2), 6)[:3] == [0.5, 1, 1]
    assert Schedule(name="cosine", warm_up=2).factor(4, 6) == pytest.approx(0.5)


def test_more_steps_than_planned_stay_at_the_floor():
    assert Schedule(name="cosine", floor=0.1).factor(9, 4) == pytest.approx(0.1)


def test_a_warm_up_longer_than_the_training_only_climbs():
    assert factors(Schedule(name="cosine", warm_up=8), 4) == [0.125, 0.25, 0.375, 0.5]


def test_a_bare_name_is_a_schedule():
    assert TrainingConfig(schedule="cosine").schedule == Schedule(name="cosine")
