"""The baselines against calculations by hand."""

import numpy as np
import torch
from scipy.sparse import csr_matrix
from support.toys import toy_batch

from embrec.data.interactions import Interactions
from embrec.data.splits import LeaveOneOut
from embrec.models.baselines.content_knn import ContentKNN
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
