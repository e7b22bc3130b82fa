"""One reading of a history for all of a user's targets, against one for each."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.logs import toy_log
from support.toys import N_ITEMS, toy_model

from embrec.data.interactions import Interactions
from embrec.data.splits import Positions, UserHoldout
from embrec.evaluation.evaluator import EvaluationConfig, evaluate
from embrec.evaluation.forward_plan import forward_batches

LOG = toy_log(n_users=40)


@settings(deadline=None, max_examples=40)
@given(st.data(), st.integers(1, 6), st.integers(1, 5), st.booleans())
def test_every_target_is_asked_for_once_after_the_events_before_it(data, max_length, batch_size, shared):
    lengths = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    user = np.repeat(np.arange(len(lengths)), lengths)
    log = Interactions.from_events(
        np.arange(len(lengths)).astype(object), user, np.arange(len(user)), np.arange(len(user))
    )
    events = data.draw(st.lists(st.integers(0, len(user) - 1), min_size=1, unique=True).map(np.array))
    targets = Positions(user[events], log.position[events])
    asked = []
    for reading in forward_batches(log, targets, max_length, batch_size, shared=shared):
        assert len(reading.batch.items) <= batch_size
        for target, row, step in zip(reading.targets, *(side.tolist() for side in reading.at), strict=True):
            asked.append(target)
            event = events[target]
            expected = [item + 1 for item in range(event - log.position[event], event)][-max_length:]
            assert reading.batch.items[row, : step + 1].tolist()[-len(expected) or 99 :] == expected
            assert (step == -1) == (expected == [])
    assert sorted(asked) == list(range(len(events)))


@pytest.mark.parametrize(
    "options", [{"cell": "fast"}, {"cell": "published"}, {"kind": "sasrec"}, {"kind": "gru4rec", "source": "id"}]
)
@pytest.mark.parametrize("max_length", [3, 50])
def test_targets_rank_alike_whether_readings_are_shared_or_not(options, max_length):
    model = toy_model(**options)
    partition = UserHoldout(test=0.5)(LOG, N_ITEMS)
    shared = evaluate(model, LOG, partition, partition.test, EvaluationConfig(), max_length=max_length)
    model.sequence.causal = False
    alone = evaluate(model, LOG, partition, partition.test, EvaluationConfig(), max_length=max_length)
    assert (shared.rank == alone.rank).all()


def test_a_user_is_read_once():
    partition = UserHoldout(test=0.5)(LOG, N_ITEMS)
    histories = sum(len(reading.batch.items) for reading in forward_batches(LOG, partition.test, 50, 8, shared=True))
    assert histories == len(np.unique(partition.test.user)) < len(partition.test)


def test_positions_counted_from_the_end_are_not_shared():
    assert toy_model(kind="sasrec").sequence.causal
    assert not toy_model(kind="sasrec", positions="end").sequence.causal
