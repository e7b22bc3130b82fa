"""The training events in the order of time: no score sees an event of its own micro-batch."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.categories import N_ITEMS
from support.logs import log_of, toy_log

from embrec.data.splits import ItemHoldout, LeaveOneOut
from embrec.training.streaming import TrainingStream

rows_of_logs = st.lists(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), min_size=3, max_size=8), min_size=1, max_size=6
)


@given(rows_of_logs, st.integers(1, 9), st.integers(1, 4))
def test_histories_end_before_their_micro_batch_and_events_come_once_in_order(rows, batch_size, max_length):
    rows = [sorted(row, key=lambda event: event[1]) for row in rows]
    log = log_of([[item for item, _ in row] for row in rows], [[time for _, time in row] for row in rows])
    partition = LeaveOneOut()(log, 6)
    stream = TrainingStream(log, partition, max_length, batch_size)
    before: dict[int, list[int]] = {}
    times = []
    for batch_rows in stream.epoch(0):
        batch, events = stream.batch(batch_rows), stream.events(batch_rows)
        for row, (user, item) in enumerate(zip(events.user.tolist(), events.item.tolist(), strict=True)):
            history = before.get(user, [])
            length = int(batch.lengths[row])
            assert batch.items[row, :length].tolist() == history[-max_length:]
            targets = batch.targets[row][batch.targets[row] > 0].tolist()
            assert targets == ([item] if history else [])
            assert int(batch.query_time[row]) == int(events.time[row])
        assert int((batch.targets > 0).sum()) == stream.steps[batch_rows].sum()
        for user, item in zip(events.user.tolist(), events.item.tolist(), strict=True):
            before.setdefault(user, []).append(item)
        times += events.time.tolist()
    assert times == sorted(times)
    expected = {user: [item + 1 for item, _ in row[:-2]] for user, row in enumerate(rows)}
    assert before == {user: items for user, items in expected.items() if items}


def test_only_training_events_are_streamed():
    log = toy_log(n_items=N_ITEMS)
    partition = ItemHoldout(fraction=0.3, seed=0)(log, N_ITEMS)
    stream = TrainingStream(log, partition, 50, 32)
    seen = torch.cat([stream.events(rows).item for rows in stream.epoch(0)]).numpy() - 1
    assert not partition.hidden[seen].any()
    assert len(seen) == len(partition.train)
    assert [rows.tolist() for rows in stream.epoch(0)] == [rows.tolist() for rows in stream.epoch(3)]


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_the_largest_and_smallest_micro_batches(batch_size):
    log = toy_log()
    stream = TrainingStream(log, LeaveOneOut()(log, 20), 50, batch_size)
    total = int(stream.steps.sum())
    if batch_size == 1:  # everything but the users' first events
        assert total == len(stream) - len(np.unique(stream.log.user))
    else:  # one micro-batch of everything: nobody has a history before it
        assert total == 0
