"""Curves over prefixes against plain loops, and the comparison with the first target of the same users."""

import doctest
import json
from dataclasses import replace

import numpy as np
import pytest
from support.standings import standing_at

from embrec.data.interactions import Interactions
from embrec.errors import ConfigError
from embrec.evaluation.evaluator import Evaluation
from embrec.report.analyses.context import AnalysisContext
from embrec.report.analyses.prefixes import measure as prefixes
from embrec.report.analyses.prefixes.analyze import analyze_prefixes
from embrec.report.analyses.prefixes.measure import by_prefix, first_targets, tables


def shop(lengths, greater):
    """A log of users with so many events each, and an evaluation of all events but the first; `greater(user, before)`."""
    user = np.repeat(np.arange(len(lengths)), lengths)
    names = np.array([f"u{number}" for number in range(len(lengths))], dtype=object)
    log = Interactions.from_events(names, user, np.zeros(len(user), dtype=int), np.arange(len(user)))
    events = np.flatnonzero(log.position > 0)
    users = log.user[events].astype(np.int64)
    above = [greater(*pair) for pair in zip(users, log.position[events], strict=True)]
    labels = np.zeros(len(events), dtype=np.int8)
    return log, Evaluation(standing_at(above, candidates=101), users, events, labels)


def test_the_examples_in_the_docstrings_are_right():
    assert doctest.testmod(prefixes).failed == 0


def test_means_and_gains_are_those_of_a_loop_over_targets(toys):
    context = AnalysisContext.open(toys["prefixes"])
    log, evaluation = context.dataset.interactions, context.evaluated()
    found = by_prefix(evaluation, log, ["auc", "hr@5"], longest=8, resamples=200)
    before = {
        row: int(event - log.user_ptr[user])
        for row, (user, event) in enumerate(zip(evaluation.user, evaluation.event, strict=True))
    }
    assert found.counts == {length: list(before.values()).count(length) for length in range(1, 9)}
    assert found.longer == sum(events > 8 for events in before.values())
    for name, points in found.metrics.items():
        values = evaluation.values(name)
        first = {evaluation.user[row]: values[row] for row, events in before.items() if events == 1}
        assert [point.events for point in points] == [n for n, count in found.counts.items() if count >= 20]
        for point in points:
            rows = [row for row, events in before.items() if events == point.events]
            assert point.mean == pytest.approx(values[rows].mean())
            at_first = [first[evaluation.user[row]] for row in rows]
            assert (point.at_first, point.gain) == pytest.approx((np.mean(at_first), point.mean - np.mean(at_first)))
            assert point.low <= point.mean <= point.high
            assert point.gain_low <= point.gain <= point.gain_high
        assert (points[0].gain, points[0].gain_low, points[0].gain_high) == (0, 0, 0)


def test_who_stays_is_told_apart_from_what_events_bring():
    # Users with long histories are easy from the start, and no event helps: the curve rises, and the gain does not.
    lengths = np.where(np.arange(100) % 2, 3, 9)
    log, evaluation = shop(lengths, lambda user, before: 60 if user % 2 else 10)
    points = by_prefix(evaluation, log, ["auc"], resamples=200).metrics["auc"]
    assert points[0].mean == pytest.approx(0.65)
    assert points[-1].mean == pytest.approx(0.9)
    assert all(point.gain == 0 for point in points)
    # And where every event helps everybody, the gain says by how much.
    log, evaluation = shop(lengths, lambda user, before: (60 if user % 2 else 10) - before)
    gains = [point.gain for point in by_prefix(evaluation, log, ["auc"], resamples=200).metrics["auc"]]
    assert gains == pytest.approx([0.01 * events for events in range(8)])


def test_lengths_of_few_targets_have_no_mean_and_are_named():
    log, evaluation = shop([2] * 30 + [4] * 5, lambda user, before: before)
    found = by_prefix(evaluation, log, ["auc"], longest=2)
    assert [point.events for point in found.metrics["auc"]] == [1]
    assert (found.too_few, found.longer) == ([2], 5)
    assert any("fewer than 20 targets each, so no mean: after 2 events" in note for note in found.notes())
    with pytest.raises(ConfigError, match="`longest` is 1, but every target has 2 events and more"):
        by_prefix(
            Evaluation(
                evaluation.standing,
                *(
                    column[log.position[evaluation.event] > 1]
                    for column in (evaluation.user, evaluation.event, evaluation.label)
                ),
            ),
            log,
            ["auc"],
            longest=1,
        )


def test_the_first_target_of_a_user_is_the_one_with_the_fewest_events_before_it():
    generator = np.random.default_rng(0)
    users = generator.integers(0, 5, 40)
    events = generator.permutation(40)
    for row, first in enumerate(first_targets(users, events)):
        mine = np.flatnonzero(users == users[row])
        assert first == mine[events[mine].argmin()]


def test_users_with_one_target_are_compared_with_nobody(toys, tmp_path):
    _, found, folder = analyze_prefixes(toys["last"], metrics=["hr@5", "auc"], output=tmp_path, command="it")
    assert list(found.metrics) == ["auc", "hr@5"]
    assert found.one_each
    assert found.notes()[0].startswith("every user has one target")
    assert all(point.gain is None for point in found.metrics["auc"])
    assert [table.columns[-1] for table in tables(found)] == ["95% interval"] * 2
    numbers = json.loads((folder / "prefixes.json").read_text())
    assert numbers["split"] == "leave-one-out"
    assert (numbers["command"], numbers["seed"]) == ("it", 0)
    assert numbers["metrics"]["auc"][0]["at_first"] is None
    assert numbers["counts"]["3"] == found.counts[3]
    assert (folder / "prefixes.png").stat().st_size > 10_000


def test_the_same_seed_gives_the_same_numbers_and_they_lie_in_the_run(toys):
    _, first, folder = analyze_prefixes(toys["prefixes"])
    assert folder == toys["prefixes"].path / "analyses"
    written = (folder / "prefixes.json").read_bytes()
    assert analyze_prefixes(toys["prefixes"])[1] == first
    assert (folder / "prefixes.json").read_bytes() == written
    assert analyze_prefixes(toys["prefixes"], seed=1)[1] != first


def test_there_is_no_point_where_so_few_candidates_are_left_that_every_target_is_a_hit():
    log, evaluation = shop([4] * 30, lambda user, before: user % 5)
    left = np.array([12, 11, 10])[log.position[evaluation.event] - 1]  # one less after each event
    standing = replace(evaluation.standing, candidates=left)
    found = by_prefix(replace(evaluation, standing=standing), log, ["auc", "hr@10", "ndcg@10"], resamples=50)
    assert {name: [point.events for point in points] for name, points in found.metrics.items()} == {
        "auc": [1, 2, 3],
        "hr@10": [1, 2],
        "ndcg@10": [1, 2, 3],
    }
    assert "so few candidates are left that hr@10 is the same for every model: after 3 events" in found.notes()
