"""The training events of a final training under each split: all events withheld for validation, none of the test."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.logs import log_of

from embrec.data.splits import GlobalTime, ItemHoldout, Label, LeaveOneOut, PerUserRatio, UserHoldout
from embrec.data.splits.leave_one_out import leave_one_out
from embrec.errors import DataError

ITEMS = 10


def pairs(positions):
    return list(zip(positions.user.tolist(), positions.position.tolist(), strict=True))


def learned(log, partition):
    """Return the training events of a final training, user -> positions."""
    final = partition.with_validation(log)
    assert len(final.valid) == 0
    assert pairs(final.test) == pairs(partition.test)
    assert (final.hidden == partition.hidden).all()
    positions: dict[int, list[int]] = {}
    for user, position in pairs(final.train):
        positions.setdefault(user, []).append(position)
    return positions


def test_leave_one_out_gives_all_but_the_last_event_of_users_with_three():
    log = log_of([[0, 1, 2, 3], [4, 5, 6], [1, 2]])
    assert learned(log, LeaveOneOut()(log, ITEMS)) == {0: [0, 1, 2], 1: [0, 1]}


def test_held_out_items_stay_hidden():
    log = log_of([[0, 9, 1, 2], [3, 9, 4], [9, 5, 6], [0, 1, 9]])
    partition = leave_one_out(log, np.arange(ITEMS) == 9)
    assert pairs(partition.valid) == [(0, 2), (3, 1)]
    # The third user's visible event was no validation target, for it has no visible history; it is not of the test either.
    assert learned(log, partition) == {0: [0, 2], 1: [0], 2: [1], 3: [0, 1]}
    assert not partition.with_validation(log).train_items[9]


def test_shares_of_histories_give_every_validation_target():
    log = log_of([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [3], [4, 5]])
    partition = PerUserRatio(train=0.5, valid=0.3)(log, ITEMS)
    assert pairs(partition.valid) == [(0, 5), (0, 6), (0, 7)]
    assert learned(log, partition) == {0: list(range(8)), 1: [0], 2: [0]}


@pytest.mark.parametrize("targets", ["all", "last"])
def test_held_out_validation_users_give_all_they_did_and_test_users_nothing(targets):
    log = log_of([[user % ITEMS, (user + 1) % ITEMS, (user + 2) % ITEMS] for user in range(10)] + [[0]])
    partition = UserHoldout(valid=0.2, test=0.3, targets=targets)(log, ITEMS)
    assert not set(partition.train.user) & set(partition.valid.user)
    tested = set(partition.test.user.tolist())
    assert learned(log, partition) == {user: [0, 1, 2] for user in range(10) if user not in tested} | {10: [0]}


def test_global_time_gives_all_before_the_moment_of_the_test_targets_or_not():
    log = log_of([[0, 1, 2, 3], [4, 5, 6], [7, 8]], times=[[0, 1, 5, 8], [2, 3, 6], [4, 7]])
    partition = GlobalTime(train=0.4, valid=0.4, targets="last")(log, ITEMS)
    assert pairs(partition.train) == [(0, 0), (0, 1), (1, 0)]
    assert pairs(partition.valid) == [(0, 2), (1, 2)]  # two more events of validation's time are no targets
    assert learned(log, partition) == {0: [0, 1, 2], 1: [0, 1, 2], 2: [0]}
    assert pairs(partition.test) == [(0, 3), (2, 1)]


def test_labels_items_and_counts_are_those_of_the_larger_training_set():
    log = log_of([[0, 1, 2], [1, 2, 0], [0, 1, 3], [5, 6]])
    before = LeaveOneOut()(log, ITEMS)
    after = before.with_validation(log)
    assert np.flatnonzero(before.train_items).tolist() == [0, 1]
    assert np.flatnonzero(after.train_items).tolist() == [0, 1, 2]
    assert before.label[log.item == 2].tolist() == [Label.NEW_ITEM] * 2
    assert after.label[log.item == 2].tolist() == [Label.OBSERVED] * 2
    assert after.label[log.item == 3].tolist() == [Label.NEW_ITEM]
    assert after.training_counts(log)[:4].tolist() == [2, 3, 1, 0]


times = st.lists(
    st.lists(st.tuples(st.integers(0, ITEMS - 1), st.integers(0, 30)), min_size=1, max_size=8), min_size=3, max_size=8
)
SPLITS = [
    LeaveOneOut(),
    ItemHoldout(fraction=0.3),
    PerUserRatio(train=0.5, valid=0.25),
    UserHoldout(valid=0.3, test=0.3),
    UserHoldout(valid=0.3, test=0.3, targets="last"),
    GlobalTime(train=0.5, valid=0.25),
    GlobalTime(train=0.5, valid=0.25, targets="first", min_history=2),
]


@settings(deadline=None)
@given(times, st.sampled_from(SPLITS))
def test_training_grows_by_validation_alone_and_stays_the_beginning_of_what_a_history_shows(rows, split):
    rows = [sorted(row, key=lambda event: event[1]) for row in rows]
    log = log_of([[item for item, _ in row] for row in rows], [[time for _, time in row] for row in rows])
    try:
        partition = split(log, ITEMS)
    except DataError:
        return
    final = partition.with_validation(log)
    train, valid, test = (set(pairs(part)) for part in (partition.train, partition.valid, partition.test))
    learned_from = set(pairs(final.train))
    assert train | valid <= learned_from
    assert not learned_from & test
    assert not final.hidden[log.item[final.train.events(log)]].any()
    first_test = dict(sorted(test, reverse=True))
    for user, position in learned_from:
        assert position < first_test.get(user, len(rows[user]))
        visible = [place for place in range(position) if not partition.hidden[rows[user][place][0]]]
        assert {(user, place) for place in visible} <= learned_from
