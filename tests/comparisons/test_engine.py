"""A new way to compare is a class that lists its variants: the engine trains, measures, tests and reports them."""

import json
from dataclasses import replace
from typing import Literal

import polars as pl
import pytest
from support.categories import SETTINGS, toy_category
from support.comparisons import FILES, changes, row_configs
from support.tiny_models import GapScorer

from embrec.comparisons.engine import compare
from embrec.comparisons.models import compare_models
from embrec.comparisons.request import ComparisonRequest
from embrec.comparisons.results import Subject
from embrec.comparisons.tables import main_tables
from embrec.comparisons.variants import Variant, Variants
from embrec.data.catalog import Catalog
from embrec.data.splits import LeaveOneOut
from embrec.data.store import load_dataset, save_dataset
from embrec.errors import ConfigError, RunError
from embrec.models.config import ItemsConfig
from embrec.models.registry import MODELS, Registration, register
from embrec.runs.presets import build_config


class LearningRates(Variants):
    """One model of identities with different learning rates."""

    subject = Subject(name="learning-rates", interval="users", costs=("epochs",))
    default_metrics = ("auc", "hr@10")

    def __init__(self, rates):
        self.names = tuple(f"{rate:g}" for rate in rates)
        self.split = LeaveOneOut()

    def shared(self):
        return {"settings": list(SETTINGS)}

    def variant(self, name):
        options = {"model.source": "id", "training.epochs": 1, "training.select_by": "auc"}
        settings = [*SETTINGS, f"training.learning_rate={name}"]
        return Variant(build_config("toys", options=options, settings=settings), (), {"rate": name}, f"rate {name}")


def test_a_class_that_lists_variants_is_a_comparison(tmp_path):
    category = toy_category(tmp_path)
    request = ComparisonRequest(category, seeds=2, reference="0.1")
    comparison = compare(request, LearningRates([0.01, 0.1]))
    assert [row.name for row in comparison.rows] == ["0.01", "0.1"]
    rates = [
        [config.training.learning_rate for config in seeds] for seeds in row_configs(category, comparison).values()
    ]
    assert rates == [[0.01, 0.01], [0.1, 0.1]]
    table, *_, costs = main_tables(comparison)
    assert table.columns == ["rate", "auc", "hr@10"]
    assert [row[0] for row in table.rows] == ["0.01", "0.1", "pop", "markov"]
    assert costs.columns == ["rate", "epochs"]
    assert comparison.rows[0].metrics["all"]["auc"].estimate.test is not None
    assert {path.name for path in comparison.folder.iterdir() if path.is_file()} == FILES | {"comparison.json"}
    assert json.loads((comparison.folder / "results.json").read_text())["subject"] == "learning-rates"
    before = changes(category.runs)
    more = compare(request, LearningRates([0.05]))
    assert [row.name for row in more.rows] == ["0.01", "0.1", "0.05"]
    assert changes(category.runs).items() >= before.items()


def test_a_wrong_variant_is_refused_before_anything_is_done(tmp_path):
    category = toy_category(tmp_path)
    with pytest.raises(ConfigError, match="learning_rate"):
        compare(ComparisonRequest(category), LearningRates([-1]))
    assert [path.name for path in category.path.iterdir()] == ["data"]


class GapsConfig(ItemsConfig):
    """Of a model that reads relations and attributes."""

    kind: Literal["gaps"] = "gaps"
    source: Literal["content", "id", "hybrid"] = "id"


def build(config: GapsConfig, inputs) -> GapScorer:
    return GapScorer(inputs)


def test_a_model_that_reads_attributes_is_compared_again_when_they_have_changed(tmp_path):
    register(Registration("gaps", GapsConfig, build, "a model", frozenset({"relations", "attributes"})))
    try:
        category = toy_category(tmp_path)
        settings = (*SETTINGS[2:], "training.negatives=4", "training.select_by=auc")
        request = ComparisonRequest(category, seeds=1, epochs=1, settings=settings)
        (before,) = compare_models(request, ["gaps"]).rows
        dataset = load_dataset(category)
        frame = dataset.catalog.frame.with_columns(pl.col("categories").reverse())
        save_dataset(category, replace(dataset, catalog=Catalog(frame, dataset.catalog.text_columns)))
        (after,) = compare_models(request, ["gaps"]).rows
        assert after.runs[0].name != before.runs[0].name
        known = changes(category.runs)
        (again,) = compare_models(request, ["gaps"]).rows
        assert again.runs == after.runs
        assert changes(category.runs) == known
        assert (category.runs / before.runs[0].name).is_dir()
    finally:
        MODELS.unregister("gaps")


def other_log(category):
    """Write a log in which one user's first event is another."""
    dataset = load_dataset(category)
    item = dataset.interactions.item.copy()
    item[0] = (item[0] + 20) % len(dataset.catalog)
    save_dataset(category, replace(dataset, interactions=replace(dataset.interactions, item=item)))


def test_a_comparison_does_not_go_on_with_another_log(tmp_path):
    category = toy_category(tmp_path)
    request = ComparisonRequest(category, seeds=1, name="mine")
    compare(request, LearningRates([0.01]))
    other_log(category)
    before = changes(category.path)
    with pytest.raises(RunError, match=r"'mine' was begun with data\.hash = \w+, now it is \w+; choose another `name`"):
        compare(request, LearningRates([0.01, 0.1]))
    assert changes(category.path) == before


def test_a_log_that_changes_under_a_comparison_ends_it(tmp_path):
    category = toy_category(tmp_path)
    calls = []

    def progress(task, done, total, note=""):
        if task == "runs" and not calls:
            other_log(category)
        calls.append(task)

    with pytest.raises(RunError, match="was imported again meanwhile; run the command again"):
        compare(ComparisonRequest(category, seeds=1, progress=progress), LearningRates([0.01]))
