import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embrec.data.interactions import Interactions
from embrec.errors import DataError

events = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(-3, 3)), min_size=1, max_size=40)


def log_of(rows, users=5):
    user, item, time = (np.array(column) for column in zip(*rows, strict=True))
    names = np.array([f"u{n}" for n in range(users)], dtype=object)
    return Interactions.from_events(names, user, item, time, {"row": np.arange(len(rows))})


@given(events)
def test_events_are_sorted_by_user_and_time_and_ties_keep_the_input_order(rows):
    log = log_of(rows)
    expected = sorted(range(len(rows)), key=lambda row: (rows[row][0], rows[row][2]))
    assert log.context["row"].tolist() == expected
    assert [(u, i, t) for u, i, t in zip(log.user, log.item, log.time, strict=True)] == [rows[r] for r in expected]


@given(events)
def test_users_slices_positions_and_lengths_agree(rows):
    log = log_of(rows)
    assert log.user_ptr[0] == 0
    assert log.user_ptr[-1] == len(log) == len(rows)
    for user in range(log.n_users):
        mine = log.user == user
        assert log.lengths[user] == mine.sum()
        assert log.history(user).tolist() == log.item[mine].tolist()
        assert log.position[mine].tolist() == list(range(mine.sum()))


def test_users_are_found_by_name():
    log = log_of([(1, 0, 0)])
    assert log.user_index("u1") == 1
    with pytest.raises(DataError, match="no user 'x' among the 5 users"):
        log.user_index("x")


def test_an_empty_or_ragged_log_is_an_error():
    none = np.array([], dtype=np.int64)
    with pytest.raises(DataError, match="the interaction log is empty"):
        Interactions.from_events(np.array([], dtype=object), none, none, none)
    with pytest.raises(DataError, match="equally long: user 1, item 2, time 1"):
        Interactions.from_events(np.array(["u"], dtype=object), np.zeros(1), np.zeros(2), np.zeros(1))


def test_models_read_the_context_columns_that_hold_numbers():
    log = Interactions.from_events(
        np.array(["ann", "bob"], dtype=object),
        np.array([0, 0, 1]),
        np.array([0, 1, 1]),
        np.arange(3),
        {"rating": np.array([1, 5, 2]), "note": np.array(["4", "", "n/a"], dtype=object)},
        item_ids=pl.Series(["a", "b"]),
    )
    assert list(log.numeric_context()) == ["rating"]
    assert log.with_context(["rating"]).context["rating"].tolist() == [1, 5, 2]
    assert log.with_context(()).context == {}
    plain = log.with_context(())
    assert plain.with_context(()) is plain
    with pytest.raises(
        DataError, match="'note' of the log holds texts, such as 'n/a' of user 'bob' on item 'b', and models"
    ):
        log.with_context(["note"])
    with pytest.raises(DataError, match=r"no context column 'ratings'.*rating"):
        log.with_context(["ratings"])
