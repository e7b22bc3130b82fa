import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from embrec.data.batches import BucketSampler, batches_in_order, bucket_boundaries, collate, token_cuts
from embrec.data.sequences import Sequences

length_lists = st.lists(st.integers(1, 20), min_size=1, max_size=60).map(np.array)


def sequences_of(rows, targets=None):
    flat = np.array([item for row in rows for item in row], dtype=np.int32)
    return Sequences(
        items=flat,
        times=flat.astype(np.int64) * 10,
        ptr=np.cumsum([0, *map(len, rows)]),
        user=np.arange(len(rows)) + 50,
        target=None if targets is None else np.array(targets, dtype=np.int32),
        target_time=None if targets is None else np.array(targets, dtype=np.int64) * 10,
    )


def test_a_bucket_closes_as_soon_as_it_fills_a_batch():
    # A common length has a bucket of its own, the long tail shares buckets.
    lengths = np.repeat([3, 4, 5, 6, 9, 20], [5, 4, 1, 2, 1, 1])
    assert bucket_boundaries(lengths, 4) == [3, 4, 9, 20]
    assert bucket_boundaries(lengths, 1) == [3, 4, 5, 6, 9, 20]
    assert bucket_boundaries(lengths, 100) == [20]
    assert bucket_boundaries(np.array([], dtype=np.int64), 4) == []


@settings(deadline=None)
@given(length_lists, st.integers(1, 9), st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_an_epoch_covers_each_row_exactly_once(lengths, batch_size, seed, epoch, shuffle):
    batches = BucketSampler(lengths, batch_size, seed=seed, shuffle=shuffle).epoch(epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(0 < len(batch) <= batch_size for batch in batches)


@settings(deadline=None)
@given(length_lists, st.integers(1, 9))
def test_a_batch_stays_within_one_bucket(lengths, batch_size):
    sampler = BucketSampler(lengths, batch_size)
    for batch in sampler.epoch():
        assert len(set(np.searchsorted(sampler.boundaries, lengths[batch]).tolist())) == 1


def test_the_order_depends_on_seed_and_epoch_only():
    lengths = np.arange(200) % 7 + 1
    one, again = BucketSampler(lengths, 8, seed=1), BucketSampler(lengths, 8, seed=1)
    again.epoch(0)
    flat = [np.concatenate(sampler.epoch(1)).tolist() for sampler in (one, again)]
    assert flat[0] == flat[1]
    assert flat[0] != np.concatenate(one.epoch(2)).tolist()
    assert flat[0] != np.concatenate(BucketSampler(lengths, 8, seed=2).epoch(1)).tolist()


@settings(deadline=None)
@given(length_lists, st.integers(1, 50), st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_batches_by_tokens_keep_to_the_budget_and_cover_each_row_once(lengths, tokens, seed, epoch, bucket):
    batches = BucketSampler(lengths, 4, tokens=tokens, bucket=bucket, seed=seed).epoch(epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) * lengths[batch].max() <= tokens or len(batch) == 1


@settings(deadline=None)
@given(length_lists, st.integers(1, 50))
def test_a_batch_by_tokens_is_as_large_as_can_be(lengths, tokens):
    for start, end in itertools.pairwise([0, *token_cuts(lengths, tokens)]):
        assert (end + 1 - start) * lengths[start : end + 1].max() > tokens


@settings(deadline=None)
@given(length_lists, st.integers(1, 9), st.integers(0, 3))
def test_random_batches_cover_each_row_once_and_all_but_the_last_are_full(lengths, batch_size, epoch):
    batches = BucketSampler(lengths, batch_size, bucket=False).epoch(epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(len(batch) == batch_size for batch in batches[:-1])


@pytest.mark.parametrize("options", [{"tokens": 30}, {"tokens": 30, "bucket": False}, {"bucket": False}])
def test_the_order_of_other_batches_depends_on_seed_and_epoch_only(options):
    lengths = np.arange(200) % 7 + 1
    one, again = (BucketSampler(lengths, 8, seed=1, **options) for _ in range(2))
    again.epoch(0)
    flat = [np.concatenate(sampler.epoch(1)).tolist() for sampler in (one, again)]
    assert flat[0] == flat[1]
    assert flat[0] != np.concatenate(one.epoch(2)).tolist()
    assert flat[0] != np.concatenate(BucketSampler(lengths, 8, seed=2, **options).epoch(1)).tolist()


def test_batches_by_tokens_waste_little_on_padding():
    lengths = np.random.default_rng(0).integers(1, 50, 1000)
    padded = {
        bucket: sum(len(b) * lengths[b].max() for b in BucketSampler(lengths, 1, tokens=500, bucket=bucket).epoch())
        for bucket in (True, False)
    }
    assert padded[True] < 1.1 * lengths.sum() < padded[False]


def test_no_rows_make_no_batches():
    assert BucketSampler(np.array([], dtype=np.int64), 4, tokens=9).epoch() == []
    assert BucketSampler(np.array([], dtype=np.int64), 4, bucket=False).epoch() == []


def test_training_batches_predict_the_next_event():
    batch = collate(sequences_of([[1, 2, 3], [4, 5]]), np.array([1, 0]))
    assert batch.items.tolist() == [[4, 0], [1, 2]]
    assert batch.times.tolist() == [[40, 0], [10, 20]]
    assert batch.targets.tolist() == [[5, 0], [2, 3]]
    assert batch.lengths.tolist() == [1, 2]
    assert batch.query_time.tolist() == [50, 30]
    assert batch.user.tolist() == [51, 50]


def test_evaluation_batches_predict_the_target_from_the_last_step():
    batch = collate(sequences_of([[1, 2, 3], [4]], targets=[9, 8]), np.array([0, 1]))
    assert batch.items.tolist() == [[1, 2, 3], [4, 0, 0]]
    assert batch.targets.tolist() == [[0, 0, 9], [8, 0, 0]]
    assert batch.lengths.tolist() == [3, 1]
    assert batch.query_time.tolist() == [90, 80]


def test_empty_histories_make_rows_of_padding():
    batch = collate(sequences_of([[], [1]], targets=[5, 6]), np.array([0, 1]))
    assert batch.items.tolist() == [[0], [1]]
    assert batch.lengths.tolist() == [0, 1]
    alone = collate(sequences_of([[]], targets=[5]), np.array([0]))
    assert alone.items.tolist() == [[0]]


rows_of_items = st.lists(st.lists(st.integers(1, 99), min_size=2, max_size=8), min_size=1, max_size=9)


@settings(deadline=None)
@given(rows_of_items, st.integers(1, 4))
def test_padding_stands_on_the_right_and_rows_do_not_depend_on_their_mates(rows, batch_size):
    sequences = sequences_of(rows)
    seen = []
    for chosen, batch in batches_in_order(sequences, batch_size):
        seen.extend(chosen.tolist())
        width = max(len(rows[row]) for row in chosen) - 1
        assert batch.items.shape == batch.targets.shape == batch.times.shape == (len(chosen), width)
        for place, row in enumerate(chosen):
            padding = [0] * (width - len(rows[row]) + 1)
            assert batch.items[place].tolist() == rows[row][:-1] + padding
            assert batch.targets[place].tolist() == rows[row][1:] + padding
    assert sorted(seen) == list(range(len(rows)))


@pytest.mark.parametrize("batch_size", [1, 3])
def test_moving_a_batch_keeps_its_values(batch_size):
    import torch

    batch = collate(sequences_of([[1, 2, 3]] * batch_size), np.arange(batch_size))
    assert torch.equal(batch.to(torch.device("cpu")).items, batch.items)


def test_each_step_knows_when_the_event_that_it_predicts_happens():
    learned = collate(sequences_of([[1, 2, 3], [4, 5]]), np.array([1, 0]))
    assert learned.target_times.tolist() == [[50, 0], [20, 30]]
    asked = collate(sequences_of([[1, 2, 3], [], [4]], targets=[9, 8, 7]), np.array([0, 1, 2]))
    assert asked.target_times.tolist() == [[20, 30, 90], [0, 0, 0], [70, 0, 0]]
    assert asked.times.tolist() == [[10, 20, 30], [0, 0, 0], [40, 0, 0]]
    assert asked.query_time.tolist() == [90, 80, 70]


def test_context_stands_beside_its_event_and_moves_with_the_batch():
    sequences = replace(sequences_of([[1, 2, 3], [4, 5]]), context={"rating": np.array([1, 2, 3, 4, 5], np.float32)})
    batch = collate(sequences, np.array([1, 0]))
    assert batch.context["rating"].tolist() == [[4, 0], [1, 2]]
    assert batch.target_context["rating"].tolist() == [[5, 0], [2, 3]]
    moved = batch.to(torch.device("cpu"))
    assert torch.equal(moved.context["rating"], batch.context["rating"])
    asked = replace(
        sequences_of([[1, 2], []], targets=[9, 8]),
        context={"rating": np.array([4, 2], np.float32)},
        target_context={"rating": np.array([5, 1], np.float32)},
    )
    batch = collate(asked, np.array([0, 1]), width=3)
    assert batch.context["rating"].tolist() == [[4, 2, 0], [0, 0, 0]]
    assert batch.target_context["rating"].tolist() == [[2, 5, 0], [0, 0, 0]]


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=7), min_size=1, max_size=6), st.booleans(), st.data())
def test_batches_equal_a_plain_loop(rows, asked, data):
    targets = data.draw(st.lists(st.integers(1, 99), min_size=len(rows), max_size=len(rows))) if asked else None
    batch = collate(sequences_of(rows, targets), np.arange(len(rows)))
    width = batch.items.shape[1]
    for row, history in enumerate(rows):
        read = history if asked else history[:-1]
        after = [*history[1:], targets[row]] if asked else history[1:]
        padding = [0] * (width - len(read))
        assert batch.items[row].tolist() == read + padding
        assert batch.times[row].tolist() == [10 * item for item in read] + padding
        assert batch.target_times[row].tolist() == [10 * item for item in after] + padding
        only_last = [0] * (len(read) - 1) + after[-1:]
        assert batch.targets[row].tolist() == (only_last if asked else after) + padding
        assert batch.lengths[row] == len(read)
