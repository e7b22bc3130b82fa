"""Item vectors that training does not move, and the loss that needs them."""

import pytest
import torch
from support.toys import N_ITEMS, next_item_batch, step_queries, toy_batch, toy_model

from embrec.models.losses.cosine import Cosine
from embrec.models.negatives import Negatives
from embrec.training.objectives.base import step_weights
from embrec.training.objectives.factorised import FactorisedObjective

MODELS = {"embrec": {}, "sasrec": {"kind": "sasrec", "heads": 3}, "gru4rec": {"kind": "gru4rec", "item_bias": False}}


def frozen(model="embrec", **options):
    return toy_model("content", fc=False, metric="cosine", **MODELS[model], **options)


def test_without_layers_the_item_vectors_are_the_features_dense_and_sparse():
    model = frozen()
    dense, sparse = model.items.tables
    expected = torch.cat([dense.vectors, sparse.project(torch.eye(11))], dim=1)
    torch.testing.assert_close(model.catalog(), expected)
    assert not any(name.startswith("items.") for name, _ in model.named_parameters())
    torch.testing.assert_close(
        model.items.encode({"dense": expected[[9], :7], "sparse": expected[[9], 7:]}), model.catalog()[[9]]
    )


@pytest.mark.parametrize("source", ["content", "hybrid"])
def test_a_new_items_vector_does_not_depend_on_those_beside_it(source):
    model = toy_model(source).eval()
    dense, sparse = model.items.tables if source == "content" else model.items.content.tables
    features = {"dense": dense.vectors[1:], "sparse": sparse.project(torch.eye(sparse.dim))[1:]}
    together = model.items.encode(features)
    assert together.shape == (N_ITEMS, model.items.out_dim)
    for rows in ([0], [5], [3, 2, 1, 0], list(range(N_ITEMS))[::-1]):
        alone = model.items.encode({name: vectors[rows] for name, vectors in features.items()})
        assert torch.equal(alone, together[rows])
    content = model.items if source == "content" else model.items.content
    torch.testing.assert_close(together, content.all_items()[1:])


@pytest.mark.parametrize("model", MODELS)
def test_the_cosine_loss_turns_queries_to_their_targets_and_scores_are_cosines(model):
    made = frozen(model, dropout=0.0)
    before = made.catalog().clone()
    objective = FactorisedObjective(made, Cosine(), Negatives(), torch.ones(N_ITEMS + 1))
    batch = next_item_batch([1, 2, 3, 4], [5, 6, 7], [8, 9])
    weights = step_weights(batch, "token-mean", 6, 6)
    optimizer = torch.optim.Adam(made.parameters(), lr=0.02)
    losses = []
    for step in range(40):
        loss = objective(batch, weights, (0, step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    assert torch.equal(made.catalog(), before)
    history = toy_batch([1, 2, 3], [8])
    queries = step_queries(made, history)[[0, 1], [2, 0]]
    cosines = torch.nn.functional.cosine_similarity(queries[:, None], before[None, 1:], dim=2)
    torch.testing.assert_close(made.score(history)[:, 1:] * made.scorer.temperature, cosines)
    assert made.score(history).argmax(dim=1).tolist() == [4, 9]
