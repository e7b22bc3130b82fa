"""Metrics against independent libraries, on random and on tied scores, and against the tables in their docstrings."""

import doctest
import re

import ir_measures
import numpy as np
import pytest
import torch
from ir_measures import AP, RR, P, Qrel, R, ScoredDoc, Success, nDCG
from sklearn.metrics import ndcg_score, roc_auc_score
from support.standings import standing_at, standing_of
from torchmetrics.functional.retrieval import (
    retrieval_hit_rate,
    retrieval_normalized_dcg,
    retrieval_recall,
    retrieval_reciprocal_rank,
)

from embrec.errors import ConfigError
from embrec.evaluation import metrics, ranking_metrics
from embrec.evaluation.metrics import METRICS, check_metrics, metric


@pytest.fixture(scope="module")
def ranked():
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(50, 30)).astype(np.float32)
    targets = generator.integers(1, 31, size=50)
    return scores, targets, standing_of(scores, targets)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_metrics_at_k_equal_torchmetrics(ranked, k):
    scores, targets, standing = ranked
    # To torchmetrics an item whose score is not above zero is not relevant: findings/torchmetrics-scores-below-zero.sh.
    above_zero = torch.from_numpy(scores - scores.min() + 1.0)
    relevant = torch.nn.functional.one_hot(torch.from_numpy(targets) - 1, 30)
    for name, reference in (
        (f"hr@{k}", retrieval_hit_rate),
        (f"recall@{k}", retrieval_recall),
        (f"ndcg@{k}", retrieval_normalized_dcg),
        (f"mrr@{k}", retrieval_reciprocal_rank),
    ):
        expected = [reference(s, r, top_k=k).item() for s, r in zip(above_zero, relevant, strict=True)]
        np.testing.assert_allclose(metric(name, standing), expected, rtol=1e-6)


def test_metrics_equal_ir_measures(ranked):
    scores, targets, standing = ranked
    qrels = [Qrel(f"{row:03d}", f"i{target}", 1) for row, target in enumerate(targets)]
    run = [
        ScoredDoc(f"{row:03d}", f"i{item + 1}", float(score))
        for row, line in enumerate(scores)
        for item, score in enumerate(line)
    ]
    names = {
        "hr@5": Success @ 5,
        "recall@10": R @ 10,
        "ndcg@10": nDCG @ 10,
        "mrr@10": RR @ 10,
        "mrr": RR,
        "accuracy": P @ 1,
    }
    expected = {
        (value.query_id, value.measure): value.value
        for value in ir_measures.iter_calc([*names.values(), AP], qrels, run)
    }
    for name, measure in names.items():
        of_rows = [expected[f"{row:03d}", measure] for row in range(len(targets))]
        np.testing.assert_allclose(metric(name, standing), of_rows, atol=1e-6)
    np.testing.assert_allclose(metric("mrr", standing), [expected[f"{row:03d}", AP] for row in range(50)], atol=1e-6)


def test_ndcg_equals_scikit_learn(ranked):
    scores, targets, standing = ranked
    relevant = np.eye(30)[targets - 1]
    assert metric("ndcg@10", standing).mean() == pytest.approx(ndcg_score(relevant, scores, k=10))


def test_auc_equals_scikit_learn_with_ties():
    scores = np.round(np.random.default_rng(0).normal(size=(40, 25)), 1)
    targets = np.random.default_rng(1).integers(25, size=40)
    standing = standing_of(scores, targets + 1)
    expected = [roc_auc_score(np.arange(25) == target, row) for row, target in zip(scores, targets, strict=True)]
    assert standing.tied.any()
    np.testing.assert_allclose(metric("auc", standing), expected, rtol=1e-12)
    np.testing.assert_allclose(metric("rank", standing), 1 - np.array(expected), rtol=1e-12, atol=1e-15)


def test_strict_auc_counts_ties_as_errors():
    standing = standing_of([[2.0, 2.0, 1.0, 3.0, 2.0]], [1])
    assert metric("auc-strict", standing).item() == 0.25  # one of the four others is below it
    assert metric("auc", standing).item() == 0.5
    assert metric("auc", standing, "optimistic").item() == 0.75


def test_ties_under_each_policy():
    standing = standing_of([[1.0] * 5], [2])
    assert [metric("hr@3", standing, ties).item() for ties in ("optimistic", "mean", "pessimistic")] == [1, 1, 0]
    assert [metric("mrr", standing, ties).item() for ties in ("optimistic", "mean", "pessimistic")] == [1, 1 / 3, 0.2]
    assert [metric("accuracy", standing, ties).item() for ties in ("optimistic", "mean", "pessimistic")] == [1, 0, 0]


def test_docstring_examples():
    results = [doctest.testmod(module) for module in (metrics, ranking_metrics)]
    assert results[1].attempted >= len(METRICS)
    assert not any(result.failed for result in results)


def test_every_metric_teaches_its_formula_and_source():
    for name, one in METRICS.usable().items():
        assert one.name == name
        text = type(one).__doc__ or ""
        assert "Use it" in text or "Use the name" in text, name
        assert ">>> " in text, name
        assert re.search(r"Source: \[\w+\]", text), name


class Precision(metrics.Metric):
    """The share of the first K that is relevant."""

    name = "precision"
    cutoff = "required"

    def values(self, rank, candidates, k=None):
        return (rank <= k) / k


def test_a_user_registers_a_metric():
    with pytest.raises(ConfigError, match="unknown metric 'precision@2'"):
        metric("precision@2", standing_at([0]))
    metrics.register(Precision())
    try:
        assert metric("precision@2", standing_at([0, 1, 2])).tolist() == [0.5, 0.5, 0.0]
        assert not metrics.lower_is_better("precision@2")
        with pytest.raises(ConfigError, match="registered already"):
            metrics.register(Precision())
        metrics.register(Precision(), replace=True)
        with pytest.raises(ConfigError, match="'hr' is registered already"):
            metrics.register(type("Other", (Precision,), {"name": "hr"})())
        with pytest.raises(ConfigError, match="an instance of Metric is expected"):
            metrics.register(Precision)
    finally:
        METRICS.unregister("precision")


@pytest.mark.parametrize("name", ["hr", "hr@0", "hr@x", "precision@10", "auc@5"])
def test_unknown_metrics_are_named(name):
    with pytest.raises(ConfigError, match="unknown metric"):
        metric(name, standing_at([0]))


def test_a_metric_that_looks_past_the_candidates_is_refused():
    check_metrics(["hr@100", "auc"], candidates=100)
    with pytest.raises(ConfigError, match="'hr@101' looks at the first 101 of only 100 candidates"):
        check_metrics(["auc", "hr@101"], candidates=100)
