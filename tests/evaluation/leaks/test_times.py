import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.catalogs import titled
from support.logs import log_of

from embrec.data.splits import GlobalTime, LeaveOneOut
from embrec.data.store import Dataset
from embrec.evaluation.leaks import Status
from embrec.evaluation.leaks.times import ties, time_overlap

DATE = 1_300_000_000


def looked_at(check, times, split=None, meta=None):
    """What a check finds in histories of these times, after DATE."""
    rows = [[place % 5 for place in range(len(row))] for row in times]
    log = log_of(rows, [[DATE + time for time in row] for row in times])
    dataset = Dataset(titled("abcde"), log, meta or {})
    return check(dataset, (split or LeaveOneOut())(log, 5))


def test_overlap_counts_the_training_events_after_each_target():
    # Training events at 1, 2 and 10; of the targets at 4 and 12 the first has one of the three behind it.
    found = looked_at(time_overlap, [[1, 2, 3, 4], [10, 11, 12]])
    assert found.value == 0.5
    assert found.counts["training events later than a target, mean share"] == pytest.approx(1 / 6)
    assert found.status == Status.NOTE
    assert "--split global-time" in found.meaning
    assert "for 50.0 % of the test targets" in found.meaning


def test_an_event_at_the_same_moment_is_not_later():
    assert looked_at(time_overlap, [[1, 2, 3], [3, 4, 5]]).value == 0
    assert looked_at(time_overlap, [[1, 2, 3], [4, 5, 6]]).value == 0.5


def test_a_split_at_a_point_in_time_has_no_overlap():
    times = [[user + 3 * step for step in range(6)] for user in range(20)]
    assert looked_at(time_overlap, times).status == Status.NOTE
    found = looked_at(time_overlap, times, GlobalTime())
    assert (found.value, found.status) == (0, Status.OK)
    assert "no training event is later" in found.meaning


def test_places_in_histories_are_called_what_they_are():
    found = looked_at(time_overlap, [[0, 1, 2, 3], [0, 1, 2], [0, 1, 2]])
    assert (found.value, found.status) == (None, Status.NOTE)
    assert "look like places in the histories" in found.meaning
    assert "%" not in found.meaning


def test_an_order_that_may_not_run_across_users_is_called_one():
    found = looked_at(time_overlap, [[1, 2, 3], [4, 5, 6]], meta={"import": {"arguments": {"time_column": "@row"}}})
    assert found.value == 0.5
    assert "an order, not dates" in found.meaning


logs = st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=6), min_size=1, max_size=6)


@given(logs)
def test_overlap_agrees_with_going_through_all_pairs(times):
    times = [sorted(row) for row in times]
    found = looked_at(time_overlap, times)
    if found.value is None:
        return
    training = [(user, time) for user, row in enumerate(times) for time in row[:-2]]
    later = [sum(time > row[-1] for other, time in training if other != user) for user, row in enumerate(times)]
    assert found.value == pytest.approx(np.mean([count > 0 for count in later]))
    assert found.counts["training events later than a target, mean share"] == pytest.approx(
        np.mean(later) / len(training)
    )


@given(logs)
def test_ties_agree_with_going_through_the_histories(times):
    times = [sorted(row) for row in times]
    found = looked_at(ties, times)
    assert found.counts["events tied with another of the user"] == sum(
        row.count(time) > 1 for row in times for time in row
    )
    assert found.value == pytest.approx(np.mean([row[-1] == row[-2] for row in times]))


def test_many_tied_targets_are_a_warning_and_a_few_a_note():
    apart = [[4 * user, 4 * user + 1, 4 * user + 2] for user in range(30)]
    assert looked_at(ties, apart).status == Status.OK
    assert looked_at(ties, [[0, 1, 1], *apart[1:]]).status == Status.NOTE
    assert (
        looked_at(ties, [[0, 0, 1], *apart[1:]]).status == Status.NOTE
    )  # the training events are tied, not the target
    found = looked_at(ties, [[0, 1, 1], [5, 6, 6], *apart[2:]])
    assert found.status == Status.WARNING
    assert "--order-column" in found.meaning


def test_a_source_that_knows_the_order_of_ties_is_no_warning():
    meta = {"import": {"arguments": {"order_column": "position"}}}
    found = looked_at(ties, [[0, 1, 1], [5, 6, 6]], meta=meta)
    assert (found.value, found.status) == (1, Status.NOTE)
    assert "column 'position' of the source decides" in found.meaning
