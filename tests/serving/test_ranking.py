"""An answer depends on its history alone: not on its company, nor on how many items are asked for."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.serving import KINDS, random_histories, toy_recommender
from support.toys import toy_batch

from embrec.data.interactions import Interactions
from embrec.data.sequences import Sequences
from embrec.data.splits import LeaveOneOut
from embrec.evaluation.evaluator import EvaluationConfig, evaluate
from embrec.evaluation.ranks import NotCandidates, Products
from embrec.serving.ranking import Ranking, _widths

N_ITEMS = 300
RECOMMENDERS = {(kind, dim): toy_recommender(kind, N_ITEMS, dim=dim) for kind in KINDS for dim in (32, 50)}
HISTORIES = random_histories(N_ITEMS, 150)
EACH = pytest.mark.parametrize(("kind", "dim"), list(RECOMMENDERS))


@EACH
def test_a_request_gets_the_same_answer_alone_and_in_a_batch(kind, dim):
    model = RECOMMENDERS[kind, dim]
    together = model.recommend(HISTORIES, k=7)
    assert [model.recommend([history], k=7)[0] for history in HISTORIES] == together


@EACH
@settings(max_examples=15, deadline=None)
@given(places=st.lists(st.integers(0, len(HISTORIES) - 1), min_size=1, max_size=80))
def test_a_request_gets_the_same_answer_in_any_company(kind, dim, places):
    model = RECOMMENDERS[kind, dim]
    answers = model.recommend([HISTORIES[place] for place in places], k=5)
    for place, answer in zip(places, answers, strict=True):
        assert answer == model.recommend([HISTORIES[place]], k=5)[0]


@EACH
def test_the_best_few_are_the_first_of_the_best_many(kind, dim):
    model = RECOMMENDERS[kind, dim]
    longest = model.recommend(HISTORIES, k=10_000)
    for k in (1, 5, 10, 150):
        assert model.recommend(HISTORIES, k=k) == [answer[:k] for answer in longest]


def test_among_equal_scores_the_first_of_the_catalog_comes_first():
    model = toy_recommender(distinct=4)
    for answer in model.recommend(HISTORIES[:40], k=100):
        for one, other in pairwise(answer):
            assert one.score > other.score or (one.score == other.score and one.item < other.item)


def test_items_of_the_history_are_left_out_unless_they_are_asked_for():
    model = toy_recommender(n_items=6)
    assert {item.item for item in model.recommend(["i001", "i002"], k=6)} == {"i000", "i003", "i004", "i005"}
    assert len(model.recommend(["i001", "i002"], k=6, exclude_seen=False)) == 6
    assert model.recommend([f"i{row:03d}" for row in range(6)], k=6) == []


def test_scores_are_those_of_the_model():
    model = RECOMMENDERS["embrec", 32]
    history = [10, 20, 30]
    (answer,) = model.recommend([[f"i{row:03d}" for row in history]], k=300, exclude_seen=False)
    with torch.inference_mode():
        expected = model.model.score(toy_batch([row + 1 for row in history]), item_matrix=model.item_matrix)[0, 1:]
    found = {item.item: item.score for item in answer}
    np.testing.assert_allclose([found[f"i{row:03d}"] for row in range(300)], expected.numpy(), rtol=1e-4, atol=1e-5)


def test_a_look_at_all_scores_finds_what_exact_scores_of_all_find():
    """One history takes a shorter way than many; scores that differ by less than rounding are the hard part of it."""
    model = RECOMMENDERS["embrec", 32]
    generator = torch.Generator().manual_seed(1)
    matrix = model.item_matrix.clone()
    matrix[1:] = matrix[1] * (1 + 1e-7 * torch.randn(N_ITEMS, 1, generator=generator)) + 1e-8
    ranking = Ranking(model.model, matrix, 50)
    queries = torch.randn(6, ranking.factors.items.shape[1], generator=generator)
    nothing = NotCandidates(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    many_scores, many_ids = ranking.best(queries, nothing, 10)
    for row in range(6):
        scores, ids = ranking.best(queries[row : row + 1], nothing, 10)
        assert torch.equal(ids[0], many_ids[row])
        assert torch.equal(scores[0], many_scores[row])
    exact = Products(ranking.factors, 6, N_ITEMS)(queries).block(1, N_ITEMS + 1)
    expected = np.argsort(-exact.numpy(), axis=1, kind="stable")[:, :10] + 1
    np.testing.assert_array_equal(many_ids.numpy(), expected)


def test_lists_are_those_of_evaluation():
    model = RECOMMENDERS["embrec", 32]
    generator = np.random.default_rng(3)
    drawn = [generator.permutation(N_ITEMS)[: generator.integers(5, 20)] for _ in range(200)]
    user = np.repeat(np.arange(200), [len(items) for items in drawn])
    names = np.array([f"u{number}" for number in range(200)], dtype=object)
    log = Interactions.from_events(names, user, np.concatenate(drawn), np.arange(len(user)))
    partition = LeaveOneOut()(log, N_ITEMS)
    lists = evaluate(
        model.model, log, partition, partition.test, EvaluationConfig(metrics=("auc",)), max_length=50, keep=5
    ).top
    histories = [[f"i{row:03d}" for row in drawn[number][:-1]] for number in partition.test.user]
    served = model.recommend(histories, k=5)
    assert [[f"i{row - 1:03d}" for row in found] for found in lists] == [
        [one.item for one in found] for found in served
    ]


def test_threads_do_not_change_an_answer():
    model = RECOMMENDERS["sasrec", 32]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = model.recommend(HISTORIES, k=5)
        torch.set_num_threads(4)
        assert model.recommend(HISTORIES, k=5) == alone
        assert model.recommend(HISTORIES[0], k=5) == alone[0]
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_a_processor_that_is_not_steady_reads_one_history_at_a_time(monkeypatch):
    monkeypatch.setattr(Ranking, "_is_steady", lambda self: False)
    careful = toy_recommender()
    assert careful.ranking._large == 1
    assert careful.recommend(HISTORIES[:20]) == [careful.recommend([history])[0] for history in HISTORIES[:20]]


def test_widths_hold_every_history_and_waste_little():
    for longest in (1, 3, 4, 5, 50, 200):
        widths = _widths(longest)
        assert widths[-1] >= longest
        assert (np.diff(widths) > 0).all()
        assert all(later <= 1.5 * earlier for earlier, later in pairwise(widths))


def test_no_histories_have_no_answers():
    model = toy_recommender()
    assert model.recommend([]) == []
    scores, ids = model.top_k(Sequences.from_histories([]), np.arange(0), 5)
    assert scores.shape == ids.shape == (0, 5)
