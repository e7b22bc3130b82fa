"""Slices that share out the targets, and buckets counted by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from support.logs import toy_log
from support.toys import N_ITEMS, toy_model

from embrec.data.splits import GlobalTime, ItemHoldout, LeaveOneOut, UserHoldout
from embrec.evaluation.evaluator import EvaluationConfig, evaluate
from embrec.evaluation.slices import length_slices, popularity_buckets, target_slices

LOG = replace(toy_log(), time=toy_log().time // 2)  # every other event at the moment of the one before


@pytest.fixture(params=[LeaveOneOut(), UserHoldout(), GlobalTime(), ItemHoldout(fraction=0.2)], ids=lambda s: s.kind)
def evaluated(request):
    partition = request.param(LOG, N_ITEMS)
    return partition, evaluate(toy_model(), LOG, partition, partition.test, EvaluationConfig(), max_length=50)


def test_the_slices_of_a_dimension_share_out_the_targets(evaluated):
    partition, evaluation = evaluated
    present = {"dense": np.arange(N_ITEMS) % 3 > 0}
    dimensions = target_slices(LOG, partition, evaluation, present)
    assert list(dimensions) == ["partition", "history", "popularity", "tied", "dense"]
    for slices in dimensions.values():
        assert (np.sum(list(slices.values()), axis=0) == 1).all()
        assert all(members.any() for members in slices.values())


def test_slices_hold_what_their_names_say(evaluated):
    partition, evaluation = evaluated
    dimensions = target_slices(LOG, partition, evaluation, {"dense": np.arange(N_ITEMS) % 3 > 0})
    train = set(partition.train.events(LOG).tolist())
    train_users, train_items = {int(LOG.user[event]) for event in train}, {int(LOG.item[event]) for event in train}
    for row, event in enumerate(evaluation.event):
        user, item = int(LOG.user[event]), int(LOG.item[event])
        holds = {
            dimension: next(name for name, rows in slices.items() if rows[row])
            for dimension, slices in dimensions.items()
        }
        known = "observed" if user in train_users else "new user"
        assert holds["partition"] == (known if item in train_items else "new item")
        assert (holds["popularity"] == "no training event") == (item not in train_items)
        assert holds["dense"] == ("without dense" if item % 3 == 0 else "with dense")
        before = int(event - LOG.user_ptr[user])
        time = [int(LOG.time[at]) for at in (event - 1, event)]
        tied = "same moment as the event before" if before and time[0] == time[1] else "later than the event before"
        assert holds["tied"] == (tied if before else "no event before")
        low, _, high = holds["history"].partition(" to ")
        assert int(low) <= before <= int(high or low)


def test_lengths_fall_into_buckets_by_hand():
    lengths = np.array([0, 1, 2, 3, 4, 5, 9, 10, 49, 50, 51, 10_000])
    assert {name: lengths[rows].tolist() for name, rows in length_slices(lengths).items()} == {
        "0": [0],
        "1": [1],
        "2": [2],
        "3 to 4": [3, 4],
        "5 to 9": [5, 9],
        "10 to 19": [10],
        "20 to 49": [49],
        "50 or more": [50, 51, 10_000],
    }
    assert list(length_slices(lengths, (1, 4))) == ["0", "1 to 3", "4 or more"]


def test_popularity_falls_into_buckets_by_hand():
    # Of 20 events 8 + 4 reach the half with the second item, and 8 + 4 + 3 + 3 the 90 % with the fourth; ties by order.
    head, middle = popularity_buckets(np.array([1, 8, 3, 4, 3, 1, 0]))
    assert np.flatnonzero(head).tolist() == [1, 3]
    assert np.flatnonzero(middle).tolist() == [2, 4]
    for buckets in popularity_buckets(np.zeros(3, dtype=np.int64)):
        assert not buckets.any()


@given(arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 50)))
def test_the_head_is_the_fewest_items_that_have_half_of_all_events(counts):
    head, middle = popularity_buckets(counts)
    assert not (head & middle).any()
    for members, share in ((head, 0.5), (head | middle, 0.9)):
        if counts.sum():
            assert counts[members].sum() >= share * counts.sum()
            assert counts[members].sum() - counts[members].min() < share * counts.sum()
            assert counts[members].min() >= counts[~members].max(initial=0)


def test_only_training_events_are_counted():
    partition = LeaveOneOut()(LOG, N_ITEMS)
    counts = partition.training_counts(LOG)
    expected = np.zeros(N_ITEMS, dtype=int)
    for user in range(LOG.n_users):
        for item in LOG.history(user)[:-2]:
            expected[item] += 1
    assert counts.tolist() == expected.tolist()
