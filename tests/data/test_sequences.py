import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from embrec.data.interactions import Interactions
from embrec.data.sequences import latest_sequences, target_sequences, training_sequences
from embrec.data.splits import ItemHoldout, LeaveOneOut
from embrec.errors import DataError

ITEMS = 8
histories = st.lists(st.lists(st.integers(0, ITEMS - 1), min_size=1, max_size=9), min_size=1, max_size=8).filter(
    lambda rows: any(len(row) >= 3 for row in rows)
)
lengths = st.integers(1, 6)


def log_of(rows):
    user = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    item = np.array([item for row in rows for item in row])
    names = np.array([f"u{n}" for n in range(len(rows))], dtype=object)
    return Interactions.from_events(names, user, item, 100 + np.arange(len(item)))


def as_lists(sequences):
    found = {}
    for row, user in enumerate(sequences.user.tolist()):
        part = slice(sequences.ptr[row], sequences.ptr[row + 1])
        found[user] = sequences.items[part].tolist()
        assert len(sequences.times[part]) == len(found[user])
    assert len(found) == len(sequences)
    assert sequences.lengths.tolist() == [len(items) for items in found.values()]
    return found


@settings(deadline=None)
@given(histories, lengths, st.booleans())
def test_training_sequences_equal_a_plain_loop(rows, max_length, hide):
    log = log_of(rows)
    try:
        partition = (ItemHoldout(fraction=0.3) if hide else LeaveOneOut())(log, ITEMS)
    except DataError:
        return
    expected = {}
    for user, row in enumerate(rows):
        visible = [item + 1 for item in row[:-2] if not partition.hidden[item]] if len(row) >= 3 else []
        if len(visible) >= 2:
            expected[user] = visible[-(max_length + 1) :]
    sequences = training_sequences(log, partition, max_length)
    assert as_lists(sequences) == expected
    assert sequences.target is None


@settings(deadline=None)
@given(histories, lengths, st.booleans())
def test_target_sequences_equal_a_plain_loop(rows, max_length, hide):
    log = log_of(rows)
    partition = LeaveOneOut()(log, ITEMS)
    hidden = np.arange(ITEMS) % 2 == 0 if hide else None
    sequences = target_sequences(log, partition.test, max_length, hidden)
    expected = {}
    for user in partition.test.user.tolist():
        before = [item + 1 for item in rows[user][:-1] if hidden is None or not hidden[item]]
        expected[user] = before[-max_length:]
    assert as_lists(sequences) == expected
    assert sequences.target.tolist() == [rows[user][-1] + 1 for user in expected]
    assert sequences.target_time.tolist() == [log.time[log.user_ptr[user + 1] - 1] for user in expected]


@given(histories, lengths)
def test_latest_sequences_are_the_ends_of_the_histories(rows, max_length):
    found = as_lists(latest_sequences(log_of(rows), max_length))
    assert found == {user: [item + 1 for item in row][-max_length:] for user, row in enumerate(rows)}


@given(histories, st.integers(0, ITEMS - 1))
def test_no_history_sees_its_target_or_what_follows(rows, other):
    changed = [[*row[:-1], other] for row in rows]  # another future
    before, after = (
        target_sequences(log, LeaveOneOut()(log, ITEMS).test, 5) for log in (log_of(rows), log_of(changed))
    )
    assert before.items.tolist() == after.items.tolist()
