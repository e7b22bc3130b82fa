"""Metrics against independent libraries and against the tables in their docstrings."""

import doctest

import numpy as np
import pytest
import torch
from sklearn.metrics import ndcg_score, roc_auc_score
from torchmetrics.functional.retrieval import (
    retrieval_hit_rate,
    retrieval_normalized_dcg,
    retrieval_recall,
    retrieval_reciprocal_rank,
)

from embrec.errors import ConfigError
from embrec.evaluation import metrics
from embrec.evaluation.metrics import metric
from embrec.evaluation.ranks import Excluded, ranks


@pytest.fixture(scope="module")
def ranked():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(50, 31, generator=generator)
    targets = torch.randint(1, 31, (50,), generator=generator)
    none = torch.zeros(0, dtype=torch.long)
    rank, candidates = ranks(scores, targets, Excluded(none, none))
    relevant = torch.nn.functional.one_hot(targets, 31)[:, 1:]
    return scores[:, 1:], relevant, rank.numpy(), candidates.numpy()


@pytest.mark.parametrize("k", [1, 5, 10])
def test_hit_rate_and_ndcg_equal_torchmetrics(ranked, k):
    scores, relevant, rank, candidates = ranked
    for name, reference in (
        (f"hr@{k}", retrieval_hit_rate),
        (f"hr@{k}", retrieval_recall),
        (f"ndcg@{k}", retrieval_normalized_dcg),
        (f"mrr@{k}", retrieval_reciprocal_rank),
    ):
        expected = [reference(s, r, top_k=k).item() for s, r in zip(scores, relevant, strict=True)]
        np.testing.assert_allclose(metric(name, rank, candidates), expected, rtol=1e-6)


def test_ndcg_equals_scikit_learn(ranked):
    scores, relevant, rank, candidates = ranked
    assert metric("ndcg@10", rank, candidates).mean() == pytest.approx(ndcg_score(relevant, scores, k=10))


def test_auc_equals_scikit_learn_with_ties():
    scores = np.round(np.random.default_rng(0).normal(size=(40, 25)), 1)
    targets = np.random.default_rng(1).integers(25, size=40)
    padded = torch.from_numpy(np.concatenate([np.zeros((40, 1)), scores], axis=1))
    none = torch.zeros(0, dtype=torch.long)
    rank, candidates = ranks(padded, torch.from_numpy(targets + 1), Excluded(none, none))
    expected = [roc_auc_score(np.arange(25) == target, row) for row, target in zip(scores, targets, strict=True)]
    np.testing.assert_allclose(metric("auc", rank.numpy(), candidates.numpy()), expected, rtol=1e-12)


def test_docstring_examples():
    results = doctest.testmod(metrics)
    assert results.attempted >= 4
    assert results.failed == 0


@pytest.mark.parametrize("name", ["hr", "hr@0", "hr@x", "precision@10", "auc@5"])
def test_unknown_metrics_are_named(name):
    with pytest.raises(ConfigError, match="unknown metric"):
        metric(name, np.ones(1), np.ones(1))
