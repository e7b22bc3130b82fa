import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embrec.data.interactions import Interactions
from embrec.data.sequences import Sequences, latest_sequences, target_sequences, training_sequences
from embrec.data.splits import ItemHoldout, LeaveOneOut, Positions
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


@settings(deadline=None)
@given(histories, lengths)
def test_prefixes_are_rows_of_their_own(rows, max_length):
    log = log_of(rows)
    try:
        partition = LeaveOneOut()(log, ITEMS)
    except DataError:
        return
    expected = []
    for user, row in enumerate(rows):
        learned = row[:-2] if len(row) >= 3 else []
        first = max(1, len(learned) - max_length)
        expected += [(user, learned[max(0, n - max_length) : n], learned[n]) for n in range(first, len(learned))]
    found = training_sequences(log, partition, max_length, prefixes=True)
    parts = np.split(found.items - 1, found.ptr[1:-1]) if len(found) else []
    assert [
        (user, part.tolist(), target - 1) for user, part, target in zip(found.user, parts, found.target, strict=True)
    ] == expected
    whole = training_sequences(log, partition, max_length)
    assert found.steps.sum() == len(found) == whole.steps.sum()
    times = np.split(found.times, found.ptr[1:-1]) if len(found) else []
    assert all(part[-1] < at for part, at in zip(times, found.target_time, strict=True))


def test_times_and_context_stand_beside_their_events():
    times = np.array([5, 1, 3, 2, 4])
    context = {"rating": np.array([50, 10, 30, 20, 40]), "note": np.array(["a", "b", "c", "d", "e"], dtype=object)}
    log = Interactions.from_events(
        np.array(["u", "v"], dtype=object), np.array([0, 0, 0, 1, 1]), np.arange(5), times, context
    )
    latest = latest_sequences(log, 2)
    assert latest.items.tolist() == [3, 1, 4, 5]
    assert latest.times.tolist() == [3, 5, 2, 4]
    assert latest.target_time.tolist() == [5, 4]
    assert latest_sequences(log, 2, at=9).target_time.tolist() == [9, 9]
    assert list(latest.context) == ["rating"]  # texts are no tensors
    assert latest.context["rating"].tolist() == [30, 50, 20, 40]
    assert np.isnan(latest.target_context["rating"]).all()
    asked = target_sequences(log, Positions(np.array([0]), np.array([2])), 5)
    assert asked.context["rating"].tolist() == [10, 30]
    assert asked.target_context["rating"].tolist() == [50]
    assert asked.select(np.array([0]), 1).context["rating"].tolist() == [30]
    plain = target_sequences(log.with_context(()), Positions(np.array([0]), np.array([2])), 5)
    assert plain.context == plain.target_context == {}


def test_histories_of_callers_have_times_and_context():
    given = Sequences.from_histories(
        [np.array([3, 4]), np.array([], dtype=np.int64)],
        times=[[10, 20], []],
        context={"rating": [[1, 5], []], "hour": [[7, 8], []]},
        query_context={"hour": [9, 10]},
    )
    assert given.target_time.tolist() == [20, 0]
    assert given.context["rating"].tolist() == [1, 5]
    assert given.target_context["hour"].tolist() == [9, 10]
    assert np.isnan(given.target_context["rating"]).all()
    assert Sequences.from_histories([np.array([1])], query_times=[7]).target_time.tolist() == [7]
    with pytest.raises(ValueError, match="one value for each event"):
        Sequences.from_histories([np.array([1])], times=[[1, 2]])
