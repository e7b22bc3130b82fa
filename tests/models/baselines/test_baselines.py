"""The baselines against calculations by hand."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from support.logs import toy_log
from support.toys import N_ITEMS, toy_batch

from embrec.data.interactions import Interactions
from embrec.data.sequences import training_sequences
from embrec.data.splits import ItemHoldout, LeaveOneOut
from embrec.models.baselines.base import Baseline
from embrec.models.baselines.content_knn import ContentKNN
from embrec.models.baselines.markov import Markov, popularity_shares
from embrec.models.baselines.popularity import PopRec


def log(*histories):
    users = np.array([f"u{user}" for user in range(len(histories))], dtype=object)
    user = np.repeat(np.arange(len(histories)), [len(history) for history in histories])
    item = np.concatenate(histories)
    return Interactions.from_events(users, user, item, np.arange(len(item)))


def test_popularity_counts_training_events_only():
    interactions = log([0, 1, 2, 3], [1, 1, 3, 3])
    model = PopRec()
    model.fit(interactions, LeaveOneOut()(interactions, 5))
    scores = model.score(toy_batch([1], [2]))
    assert scores[0].tolist() == [-np.inf, 1, 3, 0, 0, 0]
    assert torch.equal(scores[0], scores[1])
    assert model.score(toy_batch([1]), torch.tensor([[2, 1]])).tolist() == [[3, 1]]


def test_content_neighbours_are_cosines_to_the_mean_of_the_last_items():
    vectors = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    interactions = log([0, 1, 2, 3])
    model = ContentKNN({"text": vectors}, k=2)
    model.fit(interactions, LeaveOneOut()(interactions, 5))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    mean = unit[[3, 1]].mean(axis=0)
    expected = unit @ mean / np.linalg.norm(mean)
    scores = model.score(toy_batch([5, 4, 2], [1]))
    np.testing.assert_allclose(scores[0, 1:].numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(scores[1, 1:].numpy(), unit @ unit[0], rtol=1e-5, atol=1e-6)
    assert scores[0, 0] == -torch.inf


def test_content_neighbours_of_a_sparse_source_see_no_items_outside_training():
    generator = np.random.default_rng(0)
    vectors = generator.random((6, 8)).astype(np.float32)
    interactions = log([0, 1, 2, 3, 4], [2, 1, 0, 3, 4])
    changed = vectors.copy()
    changed[5] = generator.random(8)
    scores = []
    for table in (vectors, changed):
        model = ContentKNN({"text": csr_matrix(table)})
        model.fit(interactions, LeaveOneOut()(interactions, 6))
        scores.append(model.score(toy_batch([1, 2]))[0, 1:6])
    torch.testing.assert_close(scores[0], scores[1])


def chain(interactions, n_items, split=None):
    model = Markov()
    model.fit(interactions, (split or LeaveOneOut())(interactions, n_items))
    return model


def test_markov_counts_what_followed_the_last_item_and_breaks_ties_by_popularity():
    # Training events are all but the last two: 0 1 0 1 2, and 0 2 0 3. Events of items 0 to 4: 4, 2, 2, 1, 0.
    model = chain(log([0, 1, 0, 1, 2, 4, 4], [0, 2, 0, 3, 4, 4]), 5)
    scores = model.score(toy_batch([1], [3, 2], [4]))
    # After item 0: 1 twice, 2 and 3 once, of which 2 has more training events. Four different counts make steps of 1/8.
    assert scores[0].tolist() == [-np.inf, 3 / 8, 2 + 2 / 8, 1 + 2 / 8, 1 + 1 / 8, 0]
    # After item 1, the last of the second history: 0 and 2 once each.
    assert scores[1].tolist() == [-np.inf, 1 + 3 / 8, 2 / 8, 1 + 2 / 8, 1 / 8, 0]
    # Nothing came after item 3 in training: popularity decides.
    assert scores[2].tolist() == [-np.inf, 3 / 8, 2 / 8, 2 / 8, 1 / 8, 0]
    assert model.score(toy_batch([1], [3, 2]), torch.tensor([[2, 3], [2, 3]])).tolist() == [
        [2 + 2 / 8, 1 + 2 / 8], [2 / 8, 1 + 2 / 8]
    ]  # fmt: skip


def test_markov_of_no_history_is_popularity():
    model = chain(log([0, 1, 0, 1, 2, 4, 4]), 5)
    empty = model.score(toy_batch([], width=2))[0, 1:]
    assert empty.argsort(descending=True, stable=True).tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(empty, model.score(toy_batch([5]))[0, 1:])  # after which nothing came in training


def test_markov_goes_past_held_out_items_as_the_training_histories_do():
    interactions = toy_log(n_users=15)
    split = ItemHoldout(fraction=0.3, seed=0)
    partition = split(interactions, N_ITEMS)
    pairs: Counter = Counter()
    training = training_sequences(interactions, partition, 50)
    for start, end in pairwise(training.ptr):
        pairs.update(pairwise(training.items[start:end].tolist()))
    scores = chain(interactions, N_ITEMS, split).score(toy_batch(*[[item] for item in range(1, N_ITEMS + 1)]))
    assert {(row + 1, item): int(scores[row, item]) for row, item in (scores >= 1).nonzero().tolist()} == pairs
    gaps = {(one, other) for one, other in pairs if (other - one) % N_ITEMS > 1}
    assert gaps  # over items that are held out


histories = st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=9), min_size=1, max_size=8)


@given(histories)
def test_markov_agrees_with_counting_pairs_and_no_popularity_outweighs_a_count(rows):
    model = chain(log(*rows), 6)
    pairs = Counter(pair for row in rows for pair in pairwise(row[:-2]))
    events = Counter(item for row in rows for item in row[:-2])
    for last in range(6):
        scores = model.score(toy_batch([last + 1]))[0, 1:].tolist()
        assert [int(score) for score in scores] == [pairs[last, item] for item in range(6)]
        keys = [(pairs[last, item], events[item]) for item in range(6)]
        for one, key in zip(scores, keys, strict=True):
            assert [one < other for other in scores] == [key < other for other in keys]


@given(histories, st.integers(0, 5), st.integers(0, 5))
def test_markov_does_not_know_what_is_kept_for_validation_and_test(rows, valid, test):
    changed = [[*row[:-2], valid, test] for row in rows]
    everything = toy_batch(*[[item + 1] for item in range(6)])
    assert torch.equal(chain(log(*rows), 6).score(everything), chain(log(*changed), 6).score(everything))


@given(st.lists(st.integers(0, 1000), min_size=1), st.integers(1, 2**22))
def test_shares_beside_the_highest_count_are_exact_and_in_order(counts, highest):
    shares = popularity_shares(np.array(counts), (1 << 23) // highest)
    beside = np.float32(highest) + shares.astype(np.float32)
    assert (beside.astype(np.float64) == highest + shares).all()
    assert (beside < highest + 1).all()
    order = np.argsort(counts, kind="stable")
    assert (np.diff(shares[order]) >= 0).all()


class Constant(Baseline):
    """Scores everything alike."""

    def fit(self, interactions, partition):
        pass

    def score(self, batch, candidates=None):
        return torch.zeros(len(batch.items), 6)


def test_a_baseline_that_is_no_product_says_so():
    model = Constant()
    assert model.factors() is None
    assert model.cached() is model
    with pytest.raises(TypeError, match="Constant are no sums of products"):
        model.queries(toy_batch([1]))
