"""Silhouettes of feature tables, and remarks where there is nothing to compare."""

import json

import numpy as np
import polars as pl
import pytest
from support.categories import toy_category

from embrec.data.catalog import Catalog
from embrec.data.store import Dataset, load_dataset, save_dataset
from embrec.errors import ConfigError, FeatureError
from embrec.evaluation.silhouette import clustered, cosine_silhouette
from embrec.features.category import build_features
from embrec.features.finding import named_table
from embrec.report.analyses.silhouettes.analyze import analyze_silhouettes
from embrec.report.analyses.silhouettes.measure import tables_of


@pytest.fixture(scope="module")
def category(tmp_path_factory):
    """40 articles in two kinds of two kinds, and two feature tables."""
    category = toy_category(tmp_path_factory.mktemp("silhouettes"))
    list(build_features(category, ["tfidf", "tfidf+svd:dim=4"]))
    return category


def test_every_table_is_measured_at_every_level(category, tmp_path):
    found, folder = analyze_silhouettes(category, levels=[1, 2], output=tmp_path, command="it")
    assert [(value.table.rpartition("-")[0], value.level) for value in found.values] == [
        ("tfidf+svd", 1),
        ("tfidf+svd", 2),
        ("tfidf", 1),
        ("tfidf", 2),
    ]
    kinds = clustered(load_dataset(category).catalog, "categories", 2)
    svd = named_table(category, "tfidf+svd")
    expected = cosine_silhouette([np.asarray(svd.vectors[:])[kinds.rows]], kinds.labels)
    assert found.at(2)[0].mean == pytest.approx(expected, abs=1e-6)
    assert all(value.low <= value.mean <= value.high for value in found.values)
    assert [value.clusters for value in found.at(1)] == [2, 2]
    assert [table.title for table in tables_of(found)] == ["level 1", "level 2"]
    numbers = json.loads((folder / "silhouettes.json").read_text())
    assert (numbers["column"], numbers["is_text"], numbers["command"]) == ("categories", False, "it")
    assert (folder / "silhouettes.png").stat().st_size > 10_000


def test_one_encoder_may_be_asked_for_and_another_column(category):
    found, folder = analyze_silhouettes(category, ["tfidf+svd"], column="title")
    assert folder == category.path / "analyses"
    assert found.tables == [named_table(category, "tfidf+svd").path.stem]
    assert found.is_text
    assert found.notes()[0] == "column 'title' is among the texts that encoders read unless told otherwise"
    assert found.values[0].mean is None  # ten titles of a kind are nowhere
    assert found.notes()[1] == "there are no two categories to compare at whole paths"
    assert tables_of(found)[0].rows[0][3:] == ["-", "-", "-"]


def test_what_is_not_there_is_said(category, tmp_path):
    with pytest.raises(ConfigError, match="the catalog has no column 'colour'"):
        analyze_silhouettes(category, column="colour")
    with pytest.raises(FeatureError, match="has no feature table 'minilm'; there are: tfidf"):
        analyze_silhouettes(category, ["minilm"])
    with pytest.raises(FeatureError, match="has no feature tables; build one with: `build_features"):
        analyze_silhouettes(toy_category(tmp_path))


def test_stale_tables_are_left_out_or_refused(tmp_path):
    category = toy_category(tmp_path)
    list(build_features(category, ["tfidf"]))
    old = named_table(category, "tfidf")
    dataset = load_dataset(category)
    titles = dataset.catalog.frame.with_columns(pl.col("title") + " again")
    save_dataset(category, Dataset(Catalog(titles, ["title"]), dataset.interactions))
    with pytest.raises(FeatureError, match="has no feature tables that are up to date"):
        analyze_silhouettes(category)
    list(build_features(category, ["tfidf"]))
    new = named_table(category, "tfidf")  # the one of two that is up to date
    assert new.path != old.path
    found, _ = analyze_silhouettes(category)
    assert found.tables == [new.path.stem]
    assert f"left out, for they are stale (see `list_tables()`): {old.path.stem}" in found.notes()
    with pytest.raises(FeatureError, match="the contents of 40 items have changed"):
        analyze_silhouettes(category, [old.path.stem])
