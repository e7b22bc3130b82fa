from hypothesis import given
from hypothesis import strategies as st
from support.logs import log_of

from embrec.data.splits import LeaveOneOut
from embrec.evaluation.leaks import Status
from embrec.evaluation.leaks.repeats import duplicates, seen_targets


def looked_at(check, rows, times=None):
    log = log_of(rows, times)
    return check(log, LeaveOneOut()(log, 9))


def test_a_duplicate_need_not_stand_beside_its_twin():
    found = looked_at(duplicates, [[1, 0, 2, 3, 2], [0, 1, 2]], [[1, 2, 5, 5, 5], [1, 2, 3]])
    assert found.counts["repeats of the same user, item and time"] == 1
    assert (found.value, found.status) == (0.5, Status.WARNING)
    assert "`PreparationConfig(duplicates='drop')`" in found.meaning


def test_duplicates_in_training_are_a_note():
    found = looked_at(duplicates, [[0, 0, 1, 2]], [[1, 1, 2, 3]])
    assert (found.value, found.status) == (0, Status.NOTE)


def test_the_same_item_at_another_time_or_of_another_user_is_no_duplicate():
    assert looked_at(duplicates, [[0, 1, 0], [0, 1, 0]], [[1, 2, 3], [1, 2, 3]]).status == Status.OK


def test_a_target_in_its_own_history_is_found_too_easily():
    found = looked_at(seen_targets, [[0, 1, 2, 0], [0, 1, 2], [1, 0, 0, 2]])
    assert found.value == 1 / 3
    assert found.counts["repeats of the same user and item"] == 2
    assert found.status == Status.WARNING
    assert "`evaluation.seen='keep'`" in found.meaning


def test_a_few_such_targets_are_a_note_and_none_are_fine():
    rows = [[0, 1, 2] for _ in range(30)]
    assert looked_at(seen_targets, rows).status == Status.OK
    assert looked_at(seen_targets, [[2, 1, 2], *rows[1:]]).status == Status.NOTE


@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=7), min_size=1, max_size=5))
def test_seen_targets_agree_with_going_through_the_histories(rows):
    found = looked_at(seen_targets, rows)
    assert found.counts["test targets in their own history"] == sum(row[-1] in row[:-1] for row in rows)
