import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embrec.data.interactions import Interactions
from embrec.data.splits import ItemHoldout, Label, LeaveOneOut
from embrec.errors import DataError

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
    with pytest.raises(DataError, match="no user has three events or more"):
        LeaveOneOut()(log_of([[0, 1], [2]]), ITEMS)
