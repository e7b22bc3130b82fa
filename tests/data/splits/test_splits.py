"""Every split: which events are trained on, validated and tested on, and how it is written."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embrec.data.interactions import Interactions
from embrec.data.splits import (
    GlobalTime,
    ItemHoldout,
    Label,
    LeaveOneOut,
    PerUserRatio,
    UserHoldout,
    parse_split,
    split_text,
)
from embrec.errors import ConfigError, DataError

ITEMS = 8
histories = st.lists(st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=9), min_size=1, max_size=8).filter(
    lambda rows: any(len(row) >= 3 for row in rows)
)


def log_of(rows):
    user = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    item = np.array([item for row in rows for item in row])
    names = np.array([f"u{n}" for n in range(len(rows))], dtype=object)
    return Interactions.from_events(names, user, item, np.arange(len(item)))


def pairs(positions):
    return list(zip(positions.user.tolist(), positions.position.tolist(), strict=True))


@given(histories)
def test_leave_one_out_as_published(rows):
    if not any(len(row) >= 3 for row in rows):
        return
    partition = LeaveOneOut()(log_of(rows), ITEMS)
    evaluated = [user for user, row in enumerate(rows) if len(row) >= 3]
    assert pairs(partition.test) == [(user, len(rows[user]) - 1) for user in evaluated]
    assert pairs(partition.valid) == [(user, len(rows[user]) - 2) for user in evaluated]
    assert pairs(partition.train) == [(user, p) for user in evaluated for p in range(len(rows[user]) - 2)]
    trained = {rows[user][p] for user, p in pairs(partition.train)}
    assert set(np.flatnonzero(partition.train_items)) == trained
    assert not partition.hidden.any()


@given(histories)
def test_labels_say_what_training_knows(rows):
    log = log_of(rows)
    partition = LeaveOneOut()(log, ITEMS)
    users = {user for user, _ in pairs(partition.train)}
    for user, item, label in zip(log.user, log.item, partition.label, strict=True):
        if not partition.train_items[item]:
            assert label == Label.NEW_ITEM
        else:
            assert label == (Label.OBSERVED if user in users else Label.NEW_USER)


@settings(deadline=None)
@given(histories, st.sampled_from(["random", "newest"]), st.sampled_from([0.1, 0.3, 0.6]))
def test_held_out_items_are_hidden_from_training_and_validation(rows, choose, fraction):
    log = log_of(rows)
    split = ItemHoldout(fraction=fraction, choose=choose, seed=1)
    try:
        partition = split(log, ITEMS)
    except DataError:  # so much was hidden that nothing is left to learn from
        return
    seen = len(set(log.item.tolist()))
    assert partition.hidden.sum() == max(1, round(fraction * seen))
    assert not partition.hidden[log.item[partition.train.events(log)]].any()
    assert not partition.hidden[log.item[partition.valid.events(log)]].any()
    assert not (partition.hidden & partition.train_items).any()
    assert pairs(partition.test) == pairs(LeaveOneOut()(log, ITEMS).test)
    for user, position in pairs(partition.valid):
        assert any(not partition.hidden[item] for item in rows[user][:position])
    assert pairs(split(log, ITEMS).train) == pairs(partition.train)


def test_the_newest_items_are_those_first_seen_last():
    log = log_of([[0, 1, 2, 0, 3], [1, 0, 2, 4, 0]])  # item 3 first at time 4, item 4 at time 8
    partition = ItemHoldout(fraction=0.4, choose="newest")(log, ITEMS)
    assert np.flatnonzero(partition.hidden).tolist() == [3, 4]


def test_a_log_too_short_to_split_is_an_error():
    with pytest.raises(DataError, match=r"leaves no training events .* needs users with three or more events"):
        LeaveOneOut()(log_of([[0, 1], [2]]), ITEMS)


def timed_log(rows):
    """A log of rows of (item, time) of each user."""
    user = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    item, time = (np.array([event[which] for row in rows for event in row], dtype=np.int64) for which in (0, 1))
    names = np.array([f"u{n}" for n in range(len(rows))], dtype=object)
    return Interactions.from_events(names, user, item, time)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6).filter(lambda lengths: max(lengths) >= 20))
def test_per_user_ratio_divides_each_history_in_order(lengths):
    log = log_of([[place % ITEMS for place in range(length)] for length in lengths])
    partition = PerUserRatio()(log, ITEMS)
    for user, length in enumerate(lengths):
        train, valid, test = (
            [position for owner, position in pairs(part) if owner == user]
            for part in (partition.train, partition.valid, partition.test)
        )
        assert train + valid + test == list(range(length))
        assert len(train) == max(1, length * 90 // 100)
        assert len(train) + len(valid) == max(1, length * 95 // 100)


def test_per_user_ratio_gives_twenty_events_one_target_of_either_kind():
    partition = PerUserRatio()(log_of([[0] * 20, [1] * 10, [2]]), ITEMS)
    assert pairs(partition.valid) == [(0, 18)]
    assert pairs(partition.test) == [(0, 19), (1, 9)]


def test_user_holdout_asks_for_every_event_of_users_that_training_never_sees():
    rows = [[user % ITEMS, (user + 1) % ITEMS, (user + 2) % ITEMS] for user in range(40)]
    partition = UserHoldout()(log_of(rows), ITEMS)
    train, valid, test = (
        {user for user, _ in pairs(part)} for part in (partition.train, partition.valid, partition.test)
    )
    assert (len(train), len(valid), len(test)) == (34, 2, 4)
    assert not (train & valid | train & test | valid & test)
    assert [position for _, position in pairs(partition.test)] == [1, 2] * 4
    assert (partition.label[partition.test.events(log_of(rows))] == Label.NEW_USER).all()
    assert pairs(UserHoldout(seed=1)(log_of(rows), ITEMS).test) != pairs(partition.test)
    last = UserHoldout(targets="last")(log_of(rows), ITEMS)
    assert pairs(last.test) == [(user, position) for user, position in pairs(partition.test) if position == 2]


times = st.lists(
    st.lists(st.tuples(st.integers(0, ITEMS - 1), st.integers(0, 30)), min_size=1, max_size=8), min_size=3, max_size=8
)


@settings(deadline=None)
@given(times, st.sampled_from(["all", "first", "last"]), st.integers(0, 2))
def test_nothing_of_training_is_as_late_as_a_target_under_global_time(rows, targets, min_history):
    log = timed_log(rows)
    try:
        partition = GlobalTime(train=0.5, valid=0.25, targets=targets, min_history=min_history)(log, ITEMS)
    except DataError:
        return
    train, valid, test = (log.time[part.events(log)] for part in (partition.train, partition.valid, partition.test))
    assert train.max() < valid.min()
    assert valid.max() < test.min()
    assert len(train) <= len(log) * 0.5
    late = [
        (user, position)
        for user, position, time in zip(log.user, log.position, log.time, strict=True)
        if time >= GlobalTime(train=0.5, valid=0.25).boundaries(log)[1] and position >= min_history
    ]
    if targets == "all":
        assert pairs(partition.test) == late
    else:
        edge = min if targets == "first" else max
        assert pairs(partition.test) == [
            (user, edge(position for owner, position in late if owner == user))
            for user in sorted({user for user, _ in late})
        ]


def test_global_time_labels_new_users_and_new_items():
    log = timed_log([[(0, 1), (1, 2), (0, 9)], [(1, 3), (0, 4), (2, 10)], [(0, 8), (1, 10)], [(1, 5), (0, 6)]])
    partition = GlobalTime(train=0.6, valid=0.2, min_history=0)(log, ITEMS)
    labels = dict(zip(pairs(partition.test), partition.label[partition.test.events(log)].tolist(), strict=True))
    assert labels == {(1, 2): Label.NEW_ITEM, (2, 1): Label.NEW_USER}


def test_global_time_refuses_places_in_histories():
    with pytest.raises(DataError, match="positions in histories, not timestamps"):
        GlobalTime()(timed_log([[(0, 0), (1, 1), (2, 2)]] * 5), ITEMS)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (PerUserRatio(), "no validation targets .* give smaller ones to training"),
        (UserHoldout(), "no validation targets and no test targets"),
        (GlobalTime(), "no training events and no validation targets .*but 2 test targets"),
    ],
)
def test_a_split_that_leaves_a_part_empty_is_refused(split, message):
    log = timed_log([[(0, 5), (1, 5)], [(0, 5), (1, 5)]])
    with pytest.raises(DataError, match=message):
        split(log, ITEMS)


@pytest.mark.parametrize(
    "split",
    [LeaveOneOut(), PerUserRatio(train=0.8, valid=0.1), UserHoldout(seed=4), GlobalTime(targets="last"), ItemHoldout()],
)
def test_a_split_is_read_from_the_text_it_is_written_as(split):
    assert parse_split(split_text(split)) == split


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "random",
            "`split` is 'random'; there are: leave-one-out, per-user-ratio, user-holdout, global-time, item-holdout",
        ),
        ("global-time:quantile=.9", "has no parameter 'quantile=.9'; there are: train, valid, targets, min_history"),
        ("global-time:targets=none", "`split` global-time:targets is 'none': Input should be 'all', 'first' or 'last'"),
        ("global-time:train=0.95", "leave nothing to test with"),
        ("leave-one-out:k=2", "it has none"),
    ],
)
def test_a_split_that_cannot_be_read_is_refused(text, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        parse_split(text)


@settings(deadline=None)
@given(times, st.integers(1, ITEMS - 1))
def test_what_happens_after_the_moment_changes_nothing_of_training(rows, shift):
    split = GlobalTime(train=0.5, valid=0.25)
    log = timed_log(rows)
    try:
        partition = split(log, ITEMS)
    except DataError:
        return
    moment = split.boundaries(log)[0]
    changed = [
        [
            ((item + shift) % ITEMS if time >= moment else item, time)
            for item, time in sorted(row, key=lambda one: one[1])
        ]
        for row in rows
    ]
    other = timed_log(changed)
    again = split(other, ITEMS)
    assert pairs(again.train) == pairs(partition.train)
    assert (other.item[again.train.events(other)] == log.item[partition.train.events(log)]).all()
    assert (again.train_items == partition.train_items).all()
