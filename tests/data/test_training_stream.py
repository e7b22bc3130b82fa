"""The training events in the order of time: no score sees an event of its own micro-batch."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.categories import N_ITEMS
from support.logs import log_of, toy_log
from support.tiny_models import Drift

from embrec.data.sequences import training_sequences
from embrec.data.splits import ItemHoldout, LeaveOneOut
from embrec.data.training_rows import ShuffledHistories
from embrec.data.training_stream import TrainingStream
from embrec.errors import ConfigError
from embrec.training.config import TrainingConfig
from embrec.training.loop.shards import check_workers
from embrec.training.loop.trainer import Trainer

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


def stateful(batch_size=16, shard=(0, 1), **options):
    """A trainer of the stateful model of the tests."""
    log = toy_log()
    partition = LeaveOneOut()(log, 20)
    known = torch.ones(21, dtype=torch.bool)
    known[0] = False
    torch.manual_seed(0)
    model = Drift(SimpleNamespace(known=known))
    popularity = torch.nn.functional.pad(torch.from_numpy(partition.training_counts(log)), (1, 0))
    config = TrainingConfig(epochs=3, batch_size=batch_size, negatives=8, learning_rate=0.02, **options)
    rows = TrainingStream(log, partition, 50, batch_size)
    return Trainer(model, rows, popularity, None, config, shard=shard), partition, log


def test_after_each_epoch_the_state_holds_every_training_event_once():
    trainer, partition, _ = stateful()
    for _ in range(2):
        trainer.train_epoch()
        assert int(trainer.model.observed) == len(partition.train)


def test_a_step_is_scored_before_its_events_are_observed():
    trainer, _, _ = stateful()
    counts = []
    score = trainer.model.training_scores

    def spy(batch, negatives):
        counts.append(int(trainer.model.observed))
        return score(batch, negatives)

    trainer.model.training_scores = spy
    trainer.train_epoch()
    assert all(count % 16 == 0 for count in counts)
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("reduction", ["token-mean", "user-mean"])
def test_events_without_a_history_do_not_dilute_the_loss(reduction):
    trainer, _, _ = stateful(reduction=reduction)
    for rows in trainer.rows.epoch(0):
        share = trainer.batch_share(rows)
        assert share.weights.sum() == pytest.approx(1 if share.steps else 0)


def test_a_stateful_model_trains_on_a_stream_in_one_process():
    trainer, partition, log = stateful()
    rows = ShuffledHistories(training_sequences(log, partition, 50), trainer.config)
    with pytest.raises(TypeError, match="trained on a TrainingStream"):
        Trainer(trainer.model, rows, torch.ones(21), None, trainer.config)
    with pytest.raises(ConfigError, match=r"one process trains it; set `training\.workers=1`"):
        check_workers(trainer.model, 2)
