"""Baselines beside a comparison: one content-knn for each set of tables, and notes on those that are missing."""

from dataclasses import replace

from support.categories import toy_category, toy_config
from support.comparisons import wanted

from embrec.comparisons import baselines
from embrec.comparisons.encoders import compare_encoders
from embrec.comparisons.losses import compare_losses
from embrec.errors import FeatureError
from embrec.models.baselines import registry
from embrec.models.baselines.popularity import POPULARITY
from embrec.models.baselines.registry import BASELINES


def test_each_set_of_tables_has_a_content_knn_of_its_own(tmp_path):
    category = toy_category(tmp_path)
    encoders = ["tfidf", "tfidf:max_features=9", "tfidf,tfidf:max_features=9"]
    comparison = compare_encoders(category, encoders, toy_config(), seeds=1)
    names = ["tfidf", "tfidf:max_features=9", "tfidf, tfidf:max_features=9"]
    assert list(comparison.baselines.metrics) == ["pop", "markov", *(f"content-knn ({name})" for name in names)]
    for measured in comparison.baselines.metrics.values():
        assert list(measured) == list(comparison.targets)
        assert measured["all"]["auc"].estimate.test is not None


def test_a_baseline_that_cannot_be_computed_is_left_out_with_a_note(tmp_path, monkeypatch):
    compute = baselines.evaluate_baselines

    def fails(category, split, prepared, names, *others, **options):
        if names == ["content-knn"]:
            raise FeatureError("the table is gone")
        return compute(category, split, prepared, names, *others, **options)

    monkeypatch.setattr(baselines, "evaluate_baselines", fails)
    comparison = compare_losses(wanted(toy_category(tmp_path), seeds=1), ["bpr"])
    assert list(comparison.baselines.metrics) == ["pop", "markov"]
    assert "note: the baseline content-knn is left out: the table is gone" in comparison.baselines.sentences()


def test_a_baseline_of_a_program_stands_beside_a_comparison_too(tmp_path):
    registry.register(replace(POPULARITY, name="crowd"))
    try:
        comparison = compare_losses(wanted(toy_category(tmp_path), seeds=1), ["bpr"])
    finally:
        BASELINES.unregister("crowd")
    assert list(comparison.baselines.metrics) == ["pop", "markov", "crowd", "content-knn"]
    assert comparison.baselines.metrics["crowd"] == comparison.baselines.metrics["pop"]
