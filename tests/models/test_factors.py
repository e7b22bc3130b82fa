"""Sums of dense and sparse products: ranks, lists, candidates and serving agree with sums by hand."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from scipy.sparse import csr_matrix
from scipy.sparse import random as sparse_random
from support.logs import toy_log
from support.serving import random_histories
from support.tiny_models import SumOfParts
from support.toys import toy_batch

from embrec.data.catalog import Catalog
from embrec.data.splits import LeaveOneOut
from embrec.evaluation.evaluator import EvaluationConfig, evaluate
from embrec.evaluation.ranks import Products, WholeScores
from embrec.models.factors import Factors, Queries, SparsePart, product_scores
from embrec.models.items.cached import CachedItems
from embrec.runs.folder import RunFolder
from embrec.runs.presets import build_config
from embrec.serving.recommender import Recommender
from embrec.serving.scoring import score_by_item, score_by_user

N_ITEMS, TERMS = 150, 30


def sum_of_parts(n_items=N_ITEMS, seed=0):
    generator = np.random.default_rng(seed)
    vectors = torch.from_numpy(generator.normal(size=(n_items + 1, 6)).astype(np.float32)) * 0.3
    vectors[0] = 0
    words = sparse_random(n_items + 1, TERMS, density=0.2, format="csr", random_state=seed, dtype=np.float32)
    counts = sparse_random(
        n_items + 1, n_items + 1, density=0.05, format="csr", random_state=seed + 1, dtype=np.float32
    )
    counts.data = np.ceil(counts.data * 3).astype(np.float32)
    known = torch.ones(n_items + 1, dtype=torch.bool)
    known[0] = False
    return SumOfParts(CachedItems(vectors), known, _without_padding(words), _without_padding(counts))


def _without_padding(matrix):
    full = matrix.tolil()
    full[0] = 0
    return full.tocsr()


MODEL = sum_of_parts()
LOG = toy_log(n_users=40, n_items=N_ITEMS)


def recommender(n_trained=N_ITEMS, model=MODEL):
    catalog = Catalog(pl.DataFrame({"item": [f"i{row:03d}" for row in range(N_ITEMS)]}))
    config = build_config("toys", options={"model.source": "id"})
    return Recommender(RunFolder(Path("toy")), config, model, catalog, n_trained)


def ids_of(history):
    return [int(name[1:]) + 1 for name in history]


def test_scores_are_sums_by_hand():
    histories = [[3, 7], [5], [149, 2, 150]]
    scores = MODEL.score(toy_batch(*histories))
    expected = np.stack([MODEL.plain(history) for history in histories])
    np.testing.assert_allclose(scores[:, 1:].numpy(), expected[:, 1:], rtol=1e-4, atol=1e-5)
    assert (scores[:, 0] == -torch.inf).all()
    candidates = torch.tensor([[4, 4, 9], [1, 150, 3], [7, 8, 0]])
    torch.testing.assert_close(MODEL.score(toy_batch(*histories), candidates), scores.gather(1, candidates))


@pytest.mark.parametrize("width", [1, 7, 64, 129])
def test_a_score_is_the_same_to_the_last_bit_in_every_block_and_alone(width):
    generator = np.random.default_rng(1)
    batch = toy_batch(*[generator.integers(1, N_ITEMS + 1, 3).tolist() for _ in range(140)])
    factors, queries = MODEL.factors(), MODEL.queries(batch)
    products = Products(factors, 140, width)(queries)
    whole = Products(factors, 140, N_ITEMS)(queries).block(1, N_ITEMS + 1).clone()
    for start in range(1, N_ITEMS + 1, width):
        stop = min(start + width, N_ITEMS + 1)
        assert torch.equal(products.block(start, stop), whole[:, start - 1 : stop - 1])
    ids = torch.from_numpy(generator.integers(1, N_ITEMS + 1, 140))
    assert torch.equal(products.of(ids), whole.gather(1, ids[:, None] - 1)[:, 0])
    assert torch.equal(products.among(ids), whole[:, ids - 1])
    part = products.part(slice(70, 140))
    assert torch.equal(part.of(ids[70:140]), products.of(ids)[70:140])
    assert torch.equal(part.block(1, min(width, N_ITEMS) + 1).clone(), whole[70:140, : min(width, N_ITEMS)])


@pytest.mark.parametrize("candidates", ["all", "sampled:count=20:exclude=nothing"])
def test_ranks_and_lists_are_those_of_whole_scores(candidates):
    class Whole:
        """The same model, which shows whole rows of sums by hand."""

        def factors(self):
            return None

        def cached(self):
            return self

        def eval(self):
            return self

        def score(self, batch, candidates=None):
            rows = [row[:length].tolist() for row, length in zip(batch.items, batch.lengths, strict=True)]
            scores = torch.from_numpy(np.stack([MODEL.plain(row) for row in rows]))
            return scores if candidates is None else scores.gather(1, candidates)

    partition = LeaveOneOut()(LOG, N_ITEMS)
    config = EvaluationConfig(candidates=candidates, batch_size=9)
    one, other = (
        evaluate(model, LOG, partition, partition.test, config, max_length=50, keep=7) for model in (MODEL, Whole())
    )
    assert (one.rank == other.rank).all()
    assert (one.top is None) == (candidates != "all")
    if one.top is not None:
        assert (one.top == other.top).all()


def test_recommendations_are_the_best_by_hand_alone_and_in_company():
    served, histories = recommender(), random_histories(N_ITEMS, 40, longest=20)
    together = served.recommend(histories, k=6)
    for history, answer in zip(histories, together, strict=True):
        assert served.recommend([history], k=6)[0] == answer
        scores = MODEL.plain(ids_of(history))
        scores[[0, *ids_of(history)]] = -np.inf
        best = np.argsort(-scores, kind="stable")[:6]
        np.testing.assert_allclose([one.score for one in answer], scores[best], rtol=1e-4, atol=1e-5)


class Trending(SumOfParts):
    """A stateful sum of parts: an item counts more with each event that was observed."""

    def __init__(self, *parts):
        super().__init__(*parts)
        self.register_buffer("seen", torch.zeros(N_ITEMS + 1))

    def training_scores(self, batch, negatives):
        raise NotImplementedError

    def reset(self):
        self.seen.zero_()

    def observe(self, events):
        self.times = events.time.tolist()
        self.seen += torch.bincount(events.item, minlength=N_ITEMS + 1)

    def factors(self):
        found = super().factors()
        return found._replace(items=found.items * (1 + self.seen[:, None]))


def test_factors_that_change_with_the_state_are_asked_for_again():
    model = Trending(MODEL.items, MODEL.known, MODEL.words, MODEL.counts)
    served, history = recommender(model=model), ["i003", "i007"]
    before = served.recommend(history, k=6)
    served.observe([{"user": "u", "item": item.item} for item in before for _ in range(3)])
    after = served.recommend(history, k=6)
    assert after == recommender(model=model).recommend(history, k=6) != before


def test_events_are_observed_in_the_order_of_time_whoever_they_are_of():
    model = Trending(MODEL.items, MODEL.known, MODEL.words, MODEL.counts)
    rows = [{"user": user, "item": "i003", "time": time} for user, time in (("a", 9), ("b", 4), ("a", 2), ("b", 7))]
    recommender(model=model).observe(rows)
    assert model.times == [2, 4, 7, 9]


def test_users_of_an_item_are_the_best_by_hand():
    served = recommender(n_trained=N_ITEMS - 5)  # as if the last five items had been added
    frame = pl.DataFrame(
        {"user": LOG.user_ids[LOG.user].tolist(), "item": [f"i{row:03d}" for row in LOG.item.tolist()]}
    )
    found = score_by_item(served, frame, 4, exclude_seen=False)
    users = frame["user"].unique(maintain_order=True).to_list()
    histories = {user: ids_of(frame.filter(pl.col("user") == user)["item"].to_list()) for user in users}
    scores = np.stack([MODEL.plain(histories[user]) for user in users])
    for row in range(N_ITEMS - 5, N_ITEMS):
        rows = found.filter(pl.col("item") == f"i{row:03d}")
        expected = -np.sort(-scores[:, row + 1])[:4]
        np.testing.assert_allclose(rows["score"].to_numpy(), expected, rtol=1e-4, atol=1e-5)
    by_user = score_by_user(served, frame, 3)
    assert by_user["user"].n_unique() == len(users)


def test_a_model_of_sparse_parts_alone_has_vectors_of_no_length():
    counts = csr_matrix(np.array([[0, 0, 0], [0, 1, 2], [0, 0, 3]], dtype=np.float32))
    factors = Factors(torch.zeros(3, 0), torch.tensor([False, True, True]), True, (SparsePart("counts", counts),))
    queries = Queries(torch.zeros(2, 0), (csr_matrix(np.eye(3, dtype=np.float32)[[1, 2]]),))
    assert product_scores(factors, queries)[:, 1:].tolist() == [[1, 2], [0, 3]]
    assert Products(factors, 2, 2)(queries).block(1, 3).tolist() == [[1, 2], [0, 3]]
    assert product_scores(factors, queries, torch.tensor([2])).tolist() == [[2], [3]]


def test_queries_are_chosen_and_joined_row_by_row():
    queries = MODEL.queries(toy_batch([3, 7], [5], [149, 2, 150]))
    again = Queries.joined([queries.select(slice(0, 1)), queries.select(np.array([2, 1]))]).select(np.array([0, 2, 1]))
    assert torch.equal(again.dense, queries.dense)
    for one, other in zip(again.sparse, queries.sparse, strict=True):
        assert (one != other).nnz == 0


def test_whole_scores_are_read_in_blocks():
    scores = WholeScores(torch.arange(12.0).view(2, 6))
    assert scores.block(2, 4).tolist() == [[2, 3], [8, 9]]
    assert scores.of(torch.tensor([5, 0])).tolist() == [5, 6]
