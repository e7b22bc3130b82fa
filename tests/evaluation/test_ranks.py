"""Ranks by counting, against a sort and against hand-made ties."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from embrec.evaluation.ranks import Excluded, ranks

NONE = Excluded(torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long))


def with_padding(rows):
    return torch.cat([torch.full((len(rows), 1), torch.inf), torch.as_tensor(rows)], dim=1)


@pytest.mark.parametrize(("ties", "expected"), [("mean", 2.5), ("optimistic", 1), ("pessimistic", 4)])
def test_all_equal_scores(ties, expected):
    rank, candidates = ranks(with_padding([[0.5] * 4]), torch.tensor([3]), NONE, ties)
    assert (rank.item(), candidates.item()) == (expected, 4)


def test_excluded_items_neither_count_nor_compete():
    excluded = Excluded(torch.tensor([0, 0]), torch.tensor([2, 4]))
    rank, candidates = ranks(with_padding([[1.0, 9.0, 0.5, 1.0]]), torch.tensor([1]), excluded)
    assert (rank.item(), candidates.item()) == (1, 2)


def test_a_target_is_a_candidate_even_where_it_was_seen():
    excluded = Excluded(torch.tensor([0]), torch.tensor([1]))
    rank, candidates = ranks(with_padding([[1.0, 9.0]]), torch.tensor([1]), excluded)
    assert (rank.item(), candidates.item()) == (2, 2)


def test_a_target_without_a_score_ranks_last_and_another_item_without_one_below_it():
    scores = with_padding([[float("nan"), 1.0, 2.0], [float("nan"), 1.0, 2.0]])
    rank, _ = ranks(scores, torch.tensor([1, 2]), NONE)
    assert rank.tolist() == [3, 2]


def test_items_that_a_model_cannot_score_tie_at_the_end():
    rank, _ = ranks(with_padding([[-torch.inf, 1.0, -torch.inf, 2.0]]), torch.tensor([1]), NONE)
    assert rank.item() == 3.5


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.lists(st.integers(-3, 3), min_size=6, max_size=6), min_size=1, max_size=4),
    data=st.data(),
)
def test_ranks_equal_a_naive_count(scores, data):
    targets = [data.draw(st.integers(1, 6)) for _ in scores]
    seen = [data.draw(st.sets(st.integers(1, 6))) for _ in scores]
    pairs = [(row, item) for row, items in enumerate(seen) for item in sorted(items)]
    excluded = Excluded(*torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T)
    rank, candidates = ranks(with_padding(np.array(scores, dtype=np.float32)), torch.tensor(targets), excluded)
    for row, target in enumerate(targets):
        others = [scores[row][item - 1] for item in range(1, 7) if item != target and item not in seen[row]]
        own = scores[row][target - 1]
        expected = 1 + sum(other > own for other in others) + sum(other == own for other in others) / 2
        assert rank[row].item() == expected
        assert candidates[row].item() == len(others) + 1
