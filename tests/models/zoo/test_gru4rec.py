"""GRU4Rec as its own authors define it, and as EmbRec's authors do."""

import pytest
import torch
from support.toys import N_ITEMS, next_item_batch, step_queries, toy_batch, toy_model

from embrec.models.losses.cross_entropy import CrossEntropy
from embrec.models.negatives import Negatives
from embrec.training.objectives.factorised import FactorisedObjective

BATCH = toy_batch([3, 7, 2], [5])


def gru4rec(source="id", **options):
    model = toy_model(source, kind="gru4rec", **options)
    if model.scorer.bias is not None:
        torch.nn.init.normal_(model.scorer.bias)
    return model


@pytest.mark.parametrize("metric", ["dot", "cosine"])
@pytest.mark.parametrize("source", ["content", "id", "hybrid"])
def test_a_score_is_the_similarity_plus_the_items_bias(source, metric):
    model = gru4rec(source, metric=metric)
    bias = model.scorer.bias.clone()
    scores = model.score(BATCH)
    model.scorer.bias.data.zero_()
    torch.testing.assert_close(scores, model.score(BATCH) + bias)


def test_the_bias_is_one_more_dimension_so_that_an_index_of_inner_products_serves_it():
    model = gru4rec()
    queries, items = model.queries(BATCH).dense, model.scorer.project_items(model.catalog())
    assert items.shape == (N_ITEMS + 1, model.items.out_dim + 1)
    torch.testing.assert_close((queries @ items.T)[:, 1:], model.score(BATCH)[:, 1:])


def test_items_added_after_training_have_no_bias():
    model = gru4rec("content")
    scores = model.extended(model.catalog()[[9]]).score(BATCH)  # with a twin of item 9
    torch.testing.assert_close(scores[:, N_ITEMS + 1], scores[:, 9] - model.scorer.bias[9])


def test_without_item_bias_there_is_none():
    assert toy_model("id", kind="gru4rec", item_bias=False).scorer.bias is None


def test_an_item_without_training_events_keeps_a_bias_of_zero():
    model = toy_model("content", kind="gru4rec", unknown=(4,))
    made = FactorisedObjective(model, CrossEntropy(), Negatives(), torch.ones(N_ITEMS + 1))
    made(next_item_batch([3, 7, 2]), torch.ones(2), (0, 0)).backward()
    gradient = model.scorer.bias.grad
    assert (gradient[[0, 4]] == 0).all()
    assert (gradient != 0).sum() == N_ITEMS - 1


def test_weights_start_uniform_gate_by_gate():
    model = toy_model("id", kind="gru4rec", dim=40)
    gru = model.sequence.gru
    for name, bound in {"weight_ih_l0": (6 / 80) ** 0.5, "weight_hh_l0": (6 / 80) ** 0.5}.items():
        for gate in getattr(gru, name).chunk(3):
            assert 0.98 * bound < gate.abs().max() <= bound
            assert abs(gate.std() - bound / 3**0.5) < 0.02 * bound
    assert (torch.cat([gru.bias_ih_l0, gru.bias_hh_l0]) == 0).all()
    bound = (6 / (N_ITEMS + 1 + 40)) ** 0.5
    assert 0.98 * bound < model.items.weight.abs().max() <= bound
    assert (toy_model("id", kind="gru4rec").scorer.bias == 0).all()


def test_items_are_dropped_from_the_input_in_training_only():
    model = gru4rec(item_dropout=0.5, dropout=0.0)
    matrix = model.catalog()
    in_use = step_queries(model, BATCH)
    assert torch.equal(in_use, step_queries(model, BATCH))
    training = step_queries(model.train(), BATCH)
    assert not torch.allclose(training, step_queries(model, BATCH))
    assert torch.equal(model.catalog(), matrix)  # the candidates are whole


def test_the_query_is_the_state_itself():
    model = gru4rec()
    x = model.catalog()[BATCH.items]
    torch.testing.assert_close(
        step_queries(model, BATCH)[..., :-1], model.sequence(x, BATCH)
    )  # but for the item biases


def test_embrecs_gru4rec_sends_identities_through_two_dense_layers():
    model = toy_model("id", cell="published", fc=True, id_std=1.0, metric="dot", residual=False, unknown=(4,))
    items = model.items
    first, second = items.layers.first, items.layers.second
    hidden = torch.relu(items.weight @ first.weight.T + first.bias)
    expected = hidden @ second.weight.T + second.bias
    expected[[0, 4]] = 0
    torch.testing.assert_close(items.all_items(), expected)
    assert abs(items.weight.std() - 1) < 0.2
    assert "items.weight" in dict(model.named_parameters())  # what the preset's penalty is named after
    made = FactorisedObjective(model, CrossEntropy(), Negatives(), torch.ones(N_ITEMS + 1))
    made(next_item_batch([3, 7, 2]), torch.ones(2), (0, 0)).backward()
    assert (items.weight.grad[4] == 0).all()
    assert (items.weight.grad[5] != 0).any()
