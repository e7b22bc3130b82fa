"""Ranks and best items by counting, against sorts and against hand-made ties."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.standings import scan, standing_of

from embrec.evaluation.counting import BLOCK_WIDTH
from embrec.evaluation.ranks import CatalogScan, NotCandidates, Products
from embrec.models.factors import Factors

NOTHING = NotCandidates(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
NAN = float("nan")


@pytest.mark.parametrize(("ties", "expected"), [("mean", 2.5), ("optimistic", 1), ("pessimistic", 4)])
def test_all_equal_scores(ties, expected):
    standing = standing_of([[0.5] * 4], [3])
    assert (standing.rank(ties).item(), standing.candidates.item()) == (expected, 4)


def test_excluded_items_neither_count_nor_compete():
    standing = standing_of([[1.0, 9.0, 0.5, 1.0]], [1], {(0, 2), (0, 4)})
    assert (standing.rank().item(), standing.candidates.item()) == (1, 2)


def test_a_target_is_a_candidate_even_where_it_was_seen():
    standing = standing_of([[1.0, 9.0]], [1], {(0, 1)})
    assert (standing.rank().item(), standing.candidates.item()) == (2, 2)


def test_a_target_without_a_score_ranks_last_and_another_item_without_one_below_it():
    standing = standing_of([[NAN, 1.0, 2.0], [NAN, 1.0, 2.0]], [1, 2])
    assert standing.rank().tolist() == [3, 2]
    assert standing.undefined.tolist() == [True, False]


@pytest.mark.parametrize("ties", ["mean", "optimistic", "pessimistic"])
def test_a_model_of_nothing_but_nan_ranks_last_under_each_policy(ties):
    standing = standing_of([[NAN] * 5] * 2, [2, 4], {(0, 1)})
    assert standing.rank(ties).tolist() == standing.candidates.tolist() == [4, 5]
    assert standing.undefined.all()


def test_items_that_a_model_cannot_score_tie_at_the_end():
    assert standing_of([[-torch.inf, 1.0, -torch.inf, 2.0]], [1]).rank().item() == 3.5


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(
        st.lists(st.sampled_from([-1.0, 0.0, 1.0, 2.0, NAN]), min_size=6, max_size=6), min_size=1, max_size=4
    ),
    keep=st.integers(0, 7),
    data=st.data(),
)
def test_ranks_and_best_items_equal_a_naive_count(scores, keep, data):
    targets = [data.draw(st.integers(1, 6)) for _ in scores]
    seen = [data.draw(st.sets(st.integers(1, 6))) for _ in scores]
    standing, best = scan(scores, targets, {(row, item) for row, items in enumerate(seen) for item in items}, keep)
    for row, target in enumerate(targets):
        own = scores[row][target - 1]
        others = [item for item in range(1, 7) if item != target and item not in seen[row]]
        assert standing.candidates[row] == len(others) + 1
        if np.isnan(own):
            assert standing.rank()[row] == len(others) + 1
        else:
            assert standing.greater[row] == sum(scores[row][item - 1] > own for item in others)
            assert standing.tied[row] == sum(scores[row][item - 1] == own for item in others)
        ranked = sorted(
            (-scores[row][item - 1], item) for item in [*others, target] if not np.isnan(scores[row][item - 1])
        )
        expected = [item for _, item in ranked][:keep]
        assert (best is None) == (keep == 0)
        if best is not None:
            assert best[row].tolist() == expected + [0] * (keep - len(expected))


def products(n_items, dim, rows, seed=0, unknown=0):
    """Queries [rows, dim], the factors of a catalog in which each vector stands twice, and targets."""
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.randn((n_items + 1) // 2, dim, generator=generator).repeat(2, 1)[:n_items]
    items = torch.cat([torch.zeros(1, dim), vectors])
    scorable = torch.ones(n_items + 1, dtype=torch.bool)
    scorable[0] = False
    scorable[torch.randperm(n_items, generator=generator)[:unknown] + 1] = False
    queries = torch.randn(rows, dim, generator=generator)
    return queries, Factors(items, scorable), torch.randint(1, n_items + 1, (rows,), generator=generator).numpy()


def scan_products(queries, factors, targets, excluded=NOTHING, **options):
    candidate = np.ones(len(factors.items), dtype=bool)
    candidate[0] = False
    run = CatalogScan(candidate, factors.scorable.numpy(), len(queries), torch.device("cpu"))
    return run(Products(factors, len(queries), run.width)(queries), targets, excluded, **options)


@pytest.mark.parametrize("dim", [1, 7, 64, 129])
@pytest.mark.parametrize("rows", [1, 3, 64, 200])
@pytest.mark.parametrize("n_items", [5, BLOCK_WIDTH, 3 * BLOCK_WIDTH + 11])
def test_items_with_the_same_vector_tie_in_every_block(n_items, rows, dim):
    queries, factors, targets = products(n_items, dim, rows)
    standing, _ = scan_products(queries, factors, targets)
    twin = (targets - 1 + (n_items + 1) // 2 < n_items) | (targets - 1 >= (n_items + 1) // 2)
    assert (standing.tied >= twin).all()
    exact = queries.double() @ factors.items[1:].double().T
    own = exact.gather(1, torch.from_numpy(targets)[:, None] - 1)
    above = (exact > own + 1e-4).sum(dim=1).numpy()
    assert (standing.greater >= above).all()
    assert (standing.greater <= (exact > own - 1e-4).sum(dim=1).numpy()).all()


def test_the_best_of_many_blocks_are_those_of_a_sort():
    queries, factors, targets = products(4 * BLOCK_WIDTH + 100, 16, 70, unknown=500)
    excluded = NotCandidates(np.repeat(np.arange(70), 30), np.tile(np.arange(1, 31) * 250, 70))
    excluded = NotCandidates(*(side[excluded.item != targets[excluded.row]] for side in excluded))
    _, best = scan_products(queries, factors, targets, excluded, keep=50)
    scores = queries @ factors.items.T
    scores[:, ~factors.scorable] = -torch.inf
    scores[excluded.row, excluded.item] = -torch.inf
    expected = scores.topk(50, dim=1).values
    torch.testing.assert_close(scores.gather(1, torch.from_numpy(best).long()), expected)
    assert all(len(set(row)) == 50 for row in best.tolist())


def test_popularity_without_an_order_gives_the_lowest_ids():
    n_items = 2 * BLOCK_WIDTH
    factors = Factors(torch.ones(n_items + 1, 1), torch.arange(n_items + 1) > 0)
    _, best = scan_products(torch.ones(2, 1), factors, np.array([1, 9]), keep=5)
    assert best.tolist() == [[1, 2, 3, 4, 5]] * 2


def test_counting_as_on_a_gpu_gives_the_same():
    queries, factors, targets = products(3 * BLOCK_WIDTH + 11, 16, 40, unknown=100)
    candidate = np.arange(len(factors.items)) > 0
    run = CatalogScan(candidate, factors.scorable.numpy(), len(queries), torch.device("cpu"))
    scores = Products(factors, len(queries), run.width)
    in_lanes, best = run(scores(queries), targets, NOTHING, keep=20)
    run.counter().in_lanes = False
    plain, best_too = run(scores(queries), targets, NOTHING, keep=20)
    assert (in_lanes.greater == plain.greater).all()
    assert (in_lanes.tied == plain.tied).all()
    assert (best == best_too).all()


def test_a_scan_leaves_the_number_of_threads_as_it_was():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        scan_products(*products(100, 8, 200))
        assert torch.get_num_threads() == 3
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("dim", [1, 64, 300])  # from 2 on, sums depend on the order in which they are made
def test_the_number_of_threads_changes_nothing(dim):
    before = torch.get_num_threads()
    queries, factors, targets = products(BLOCK_WIDTH + 100, dim, 200, seed=2)
    found = []
    try:
        for threads in (1, 2, 3, 4):
            torch.set_num_threads(threads)
            found.append(scan_products(queries, factors, targets, keep=3))
    finally:
        torch.set_num_threads(before)
    (alone, best_alone), *others = found
    for standing, best in others:
        for name in ("greater", "tied", "candidates"):
            assert (getattr(standing, name) == getattr(alone, name)).all()
        assert (best == best_alone).all()
    scores = queries.double() @ factors.items[1:].double().T
    own = scores.gather(1, torch.from_numpy(targets)[:, None] - 1)
    assert alone.greater == pytest.approx(
        (scores > own).sum(dim=1).numpy(), abs=1
    )  # double precision may part near ones
    best_scores = scores.gather(1, torch.from_numpy(best_alone).long() - 1)
    assert torch.allclose(best_scores, scores.topk(3, dim=1).values, atol=1e-5)
