from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.catalogs import titled
from support.logs import log_of

from embrec.data.catalog import Catalog
from embrec.data.splits import GlobalTime, LeaveOneOut
from embrec.data.store import Dataset
from embrec.evaluation.leaks import Status
from embrec.evaluation.leaks.times import order_in_ties, ties, time_overlap

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
    assert "`GlobalTime()`" in found.meaning
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
    assert "`TableSource(order_column='...')`" in found.meaning


def test_a_source_that_knows_the_order_of_ties_is_no_warning():
    meta = {"import": {"arguments": {"order_column": "position"}}}
    found = looked_at(ties, [[0, 1, 1], [5, 6, 6]], meta=meta)
    assert (found.value, found.status) == (1, Status.NOTE)
    assert "column 'position' of the source decides" in found.meaning


def test_ties_drawn_by_chance_are_no_warning():
    found = looked_at(ties, [[0, 1, 1], [5, 6, 6]], meta={"preparation": {"ties": "shuffle:seed=0"}})
    assert (found.value, found.status) == (1, Status.NOTE)
    assert "drawn by chance at import (`PreparationConfig(ties='shuffle:seed=0')`)" in found.meaning


def in_ties(rows, ids="abcdefghij", times=None):
    """What the check of the order in ties finds in histories of catalog rows, all of a history at one moment."""
    times = times or [[DATE + user] * len(row) for user, row in enumerate(rows)]
    log, catalog = log_of(rows, times), Catalog(pl.DataFrame({"item": list(ids)}), ())
    return order_in_ties(Dataset(catalog, log, {}), LeaveOneOut()(log, len(ids)))


def test_ties_in_the_order_of_their_ids_are_a_warning():
    found = in_ties([sorted({user % 7, (user + 2) % 10, (user + 5) % 9}) for user in range(100) if user % 7 != 2])
    assert (found.value, found.status) == (1, Status.WARNING)
    assert "100 % of" in found.meaning
    assert "`PreparationConfig(ties='shuffle:seed=0')`" in found.meaning
    falling = in_ties([[9, 5, 2]] * 40)
    assert (falling.value, falling.status) == (0, Status.WARNING)


def test_ties_in_any_order_are_fine_and_so_are_few_of_them():
    mixed = [list(np.random.default_rng(user).permutation(10)[:4]) for user in range(300)]
    found = in_ties(mixed)
    assert found.status == Status.OK
    assert found.value == pytest.approx(0.5, abs=0.05)
    assert in_ties([[0, 1, 2]] * 4).status == Status.OK  # eight pairs of eight: chance does that


def test_numbers_are_compared_as_numbers_and_leading_zeros_do_not_count():
    numbers = ["9", "10", "101", "11"]  # in this order as numbers; as texts, the first pair falls
    found = in_ties([[0, 1, 3, 2]] * 30, numbers)
    assert (found.value, found.status) == (1, Status.WARNING)
    assert "have ascending ids as numbers" in found.meaning
    assert found.counts["share with ascending ids"] == pytest.approx(1 / 3)
    long = [f"{10**20 + n}" for n in range(4)]
    assert in_ties([[0, 1, 2, 3]] * 30, long).value == 1


def test_repeats_of_an_item_have_no_order():
    found = in_ties([[3, 3, 3]] * 30)
    assert (found.value, found.status) == (None, Status.OK)


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=3, max_size=6), min_size=1, max_size=6)
)
def test_the_order_in_ties_agrees_with_going_through_the_pairs(rows):
    rows = [sorted(row, key=lambda event: event[1]) for row in rows]
    found = in_ties(
        [[item for item, _ in row] for row in rows], times=[[DATE + time for _, time in row] for row in rows]
    )
    pairs = [(one, two) for row in rows for (one, time), (two, after) in pairwise(row) if time == after and one != two]
    assert found.counts["pairs of tied events of different items"] == len(pairs)
    assert found.value == (pytest.approx(np.mean([one < two for one, two in pairs])) if pairs else None)
