"""What every composition promises: a score depends on its own history and on nothing else."""

import pytest
import torch
from support.toys import N_ITEMS, step_queries, toy_batch, toy_model

SOURCES = ("content", "id", "hybrid")
MODELS = {"fast": {}, "published": {"cell": "published"}, "sasrec": {"kind": "sasrec"}, "gru4rec": {"kind": "gru4rec"}}
COMPOSITIONS = [(source, model) for source in SOURCES for model in MODELS]


def composed(source, model, **options):
    made = toy_model(source, **MODELS[model], **options)
    if made.scorer.bias is not None:  # as if it had been trained
        torch.nn.init.normal_(made.scorer.bias)
    return made


@pytest.mark.parametrize(("source", "model"), COMPOSITIONS)
def test_scores_do_not_depend_on_batch_mates_or_padding(source, model):
    model = composed(source, model)
    alone = model.score(toy_batch([3, 7, 2]))[0]
    in_company = model.score(toy_batch([5], [3, 7, 2], [1, 2, 3, 4, 5, 6, 7, 8], width=12))[1]
    torch.testing.assert_close(alone, in_company)


@pytest.mark.parametrize(("source", "model"), COMPOSITIONS)
def test_scores_of_a_step_do_not_depend_on_later_events(source, model):
    model = composed(source, model)
    one = step_queries(model, toy_batch([3, 7, 2, 9, 9]))
    other = step_queries(model, toy_batch([3, 7, 2, 14, 1]))
    torch.testing.assert_close(one[:, :3], other[:, :3])
    assert not torch.allclose(one[:, 3:], other[:, 3:])


@pytest.mark.parametrize(("source", "model"), COMPOSITIONS)
def test_candidates_are_scored_as_in_the_whole_catalog(source, model):
    model = composed(source, model, unknown=(4,))
    batch = toy_batch([3, 7, 2], [5])
    candidates = torch.tensor([[1, 4, 9], [20, 4, 0]])
    torch.testing.assert_close(model.score(batch, candidates), model.score(batch).gather(1, candidates))


@pytest.mark.parametrize(("source", "model"), COMPOSITIONS)
def test_an_empty_history_is_scored_alike_in_any_company(source, model):
    model = composed(source, model)
    alone, in_company = model.score(toy_batch([], width=1)), model.score(toy_batch([3, 7, 2], []))
    assert torch.isfinite(alone[0, 1:]).all()
    torch.testing.assert_close(alone[0], in_company[1])


def test_padding_is_never_recommended():
    assert toy_model().score(toy_batch([3]))[0, 0] == -torch.inf


def test_an_item_without_training_events_is_scored_by_content_but_not_by_identity():
    batch = toy_batch([3, 7])
    assert torch.isfinite(toy_model("content", unknown=(4,)).score(batch)[0, 4])
    assert torch.isfinite(toy_model("hybrid", unknown=(4,)).score(batch)[0, 4])
    assert toy_model("id", unknown=(4,)).score(batch)[0, 4] == -torch.inf


def test_a_hybrid_treats_an_item_without_training_events_by_content_alone():
    model = toy_model("hybrid", unknown=(4,))
    torch.testing.assert_close(model.catalog()[4], model.items.content.all_items()[4])
    assert not torch.allclose(model.catalog()[5], model.items.content.all_items()[5])


def test_a_new_item_with_the_content_of_an_old_one_gets_its_vector():
    model = toy_model()
    features = {
        "dense": model.items.tables[0].vectors[[9]],
        "sparse": model.items.tables[1].project(torch.eye(11))[[9]],
    }
    torch.testing.assert_close(model.items.encode(features), model.catalog()[[9]])


def test_identity_cannot_encode_new_items():
    with pytest.raises(TypeError, match="identity only"):
        toy_model("id").items.encode({})


def test_an_empty_history_has_the_query_of_no_events():
    model = toy_model(metric="dot")
    torch.nn.init.normal_(model.query.bias)
    queries = model.queries(toy_batch([], [3]))
    torch.testing.assert_close(queries.dense[0], model.query.bias)


def test_training_steps_leave_padding_out():
    model = toy_model()
    steps = model.training_steps(toy_batch([3, 7, 2], [5], targets=[1, 9]))
    assert steps.targets.tolist() == [1, 9]
    assert steps.queries.shape == (2, 12)
    assert steps.items.shape == (N_ITEMS + 1, 12)


def test_training_steps_ask_what_scoring_answers():
    model = toy_model()
    batch = toy_batch([3, 7, 2], [5], targets=[1, 9])
    torch.testing.assert_close(model.training_steps(batch).queries, model.queries(batch).dense)


def test_cosine_scores_are_cosines_over_the_temperature():
    model = toy_model(metric="cosine", temperature=0.5)
    batch = toy_batch([3, 7])
    query = step_queries(model, batch)[:, -1]
    expected = torch.nn.functional.cosine_similarity(query, model.catalog()[1:]) / 0.5
    torch.testing.assert_close(model.score(batch)[0, 1:], expected)


def test_id_dropout_drops_the_residual_of_whole_items_in_training_only():
    model = toy_model("hybrid", id_dropout=0.5)
    content = model.items.content.all_items()
    without = (model.items.train().all_items() - content).abs().sum(dim=1)[1:] < 1e-6
    assert 0 < without.sum() < N_ITEMS
    assert torch.equal(model.items.eval().all_items(), model.items.all_items())


def test_a_residual_query_starts_at_the_last_item():
    model, plain = (toy_model(metric="dot", residual=residual) for residual in (True, False))
    batch = toy_batch([3, 7], [5])
    torch.testing.assert_close(model.queries(batch).dense, plain.queries(batch).dense + model.catalog()[[7, 5]])
