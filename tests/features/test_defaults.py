"""Tests of the default encoders and tables."""

import re

import numpy as np
import polars as pl
import pytest
from support.categories import toy_category

from embrec import build_features
from embrec.data.catalog import Catalog
from embrec.data.splits import ItemHoldout
from embrec.data.store import load_dataset
from embrec.errors import ConfigError, FeatureError
from embrec.features import defaults
from embrec.features.category import specs_or_defaults, tables_or_defaults
from embrec.features.defaults import choose_encoders, default_encoders, spec_of
from embrec.features.finding import find_table, list_tables
from embrec.features.table import FeatureTable


def catalog_of(**columns):
    return Catalog(pl.DataFrame({"item": ["a", "b"], **columns}))


@pytest.fixture
def installed(monkeypatch):
    """Say which packaged encoders are installed."""
    names = {"minilm", "efficientnet-lite0"}
    monkeypatch.setattr(defaults, "_installed", lambda name: name in names)
    return names


@pytest.mark.parametrize(
    ("columns", "encoders"),
    [
        ({"title": ["red hat", None]}, ["tfidf", "minilm"]),
        ({"image": ["a.jpg", None]}, ["efficientnet-lite0"]),
        ({"title": ["red hat", ""], "image": ["a.jpg", "b.jpg"]}, ["tfidf", "minilm", "efficientnet-lite0"]),
        ({"title": [" ", None], "image": [None, "b.jpg"]}, ["efficientnet-lite0"]),
    ],
)
def test_encoders_suit_what_the_catalog_has(installed, columns, encoders):
    assert default_encoders(catalog_of(**columns)) == encoders


def test_the_choice_is_said_in_one_line(installed):
    shop = catalog_of(title=["red hat", "x"], brand=[None, "acme"], note=["", None], image=["a.jpg", "b.jpg"])
    assert choose_encoders(shop).words == (
        "tfidf and minilm for the texts (title, brand), efficientnet-lite0 for 2 pictures"
    )


def test_an_encoder_whose_package_is_missing_is_left_out_and_said(installed):
    installed.clear()
    choice = choose_encoders(catalog_of(title=["red hat", "x"], image=["a.jpg", None]))
    assert choice.encoders == ["tfidf"]
    assert choice.words == (
        "tfidf for the texts (title); minilm is left out: pip install 'embrec[text]'; "
        "efficientnet-lite0 is left out: pip install 'embrec[image]'"
    )
    with pytest.raises(ConfigError, match=r"2 pictures and no texts, and .* pip install 'embrec\[image\]'"):
        default_encoders(catalog_of(image=["a.jpg", "b.jpg"]))


def test_a_catalog_of_ids_alone_says_what_to_do(installed):
    with pytest.raises(ConfigError, match=r"neither texts nor pictures.*vectors:path=.*`model.source='id'`"):
        default_encoders(catalog_of(price=[1.0, 2.0]))


def test_features_are_built_when_they_are_asked_for_by_one_name(tmp_path):
    category = toy_category(tmp_path)
    (report,) = build_features(category, "tfidf")
    assert report.path.is_file()
    assert [table.path for table in list_tables(category)] == [report.path]


def test_features_are_built_without_any_name(tmp_path, installed):
    installed.clear()
    told = []
    category = toy_category(tmp_path)
    (report,) = build_features(category, on_choice=told.append)
    assert report.path.name.startswith("tfidf-")
    assert told == ["tfidf for the texts (title); minilm is left out: pip install 'embrec[text]'"]


def test_tables_that_are_there_are_meant_and_else_they_are_built(tmp_path, installed):
    installed.clear()
    category = toy_category(tmp_path)
    told = []
    tables_or_defaults(category, ItemHoldout(fraction=0.3), on_choice=told.append)
    assert told[-1].startswith("no feature table fits item-holdout:fraction=0.3; building tfidf for the texts")
    assert tables_or_defaults(category) == ["tfidf"]
    assert len(list_tables(category)) == 2  # the first was fitted on the items of another split
    assert tables_or_defaults(category, on_choice=told.append) == ["tfidf"]
    assert told[-1] == "no feature table is named; taking the one there: tfidf"
    build_features(category, ["tfidf:max_features=9", "tfidf+svd:dim=3"])
    names = tables_or_defaults(category, on_choice=told.append)
    assert len(names) == 3
    assert {"tfidf", "tfidf+svd"} < set(names)
    dataset = load_dataset(category)
    rows = np.ones(len(dataset.catalog), dtype=bool)
    found = [find_table(category, name, dataset.catalog, rows).path.stem for name in names]
    assert len(set(found)) == 3


def test_a_table_fitted_on_the_whole_catalog_is_read_where_there_is_no_better(tmp_path):
    category = toy_category(tmp_path)
    (whole,) = build_features(category, "tfidf", fit_on="catalog")
    assert tables_or_defaults(category, ItemHoldout(fraction=0.3)) == ["tfidf"]
    assert [table.path for table in list_tables(category)] == [whole.path]


@pytest.mark.parametrize("spec", ["tfidf", "tfidf:max_features=9+svd:dim=3", "tfidf:template=a {title}+l2"])
def test_a_table_knows_the_spec_it_was_built_with(tmp_path, spec):
    category = toy_category(tmp_path)
    table = FeatureTable.open(build_features(category, spec)[0].path)
    assert spec_of(table) == spec
    (table.encoder_folder / "encoder.json").write_text("{}")
    assert spec_of(table) is None


def test_encoders_of_the_tables_there_are_compared_whatever_their_split(tmp_path, installed):
    installed.clear()
    category = toy_category(tmp_path)
    assert specs_or_defaults(category, any_split=True) == ["tfidf"]
    build_features(category, "tfidf:max_features=9", split=ItemHoldout(fraction=0.3))
    assert specs_or_defaults(category, any_split=True) == ["tfidf:max_features=9"]
    assert specs_or_defaults(category) == ["tfidf"]


def test_what_is_missing_for_a_split_is_named_with_that_split(tmp_path):
    category = toy_category(tmp_path)
    dataset, split = load_dataset(category), ItemHoldout(fraction=0.25, seed=3)
    rows = split(dataset.interactions, len(dataset.catalog)).train_items
    proposed = "`build_features(category='toys', encoders=['tfidf'], split='item-holdout:fraction=0.25:seed=3')`"
    with pytest.raises(FeatureError, match=f"{re.escape(proposed)}$"):
        find_table(category, "tfidf", dataset.catalog, rows, split)
    build_features(category, "tfidf", split=ItemHoldout(fraction=0.25, seed=4))
    with pytest.raises(FeatureError, match=f"for this split: {re.escape(proposed)}$"):
        find_table(category, "tfidf", dataset.catalog, rows, split)
    build_features(category, encoders=["tfidf"], split="item-holdout:fraction=0.25:seed=3")
    assert len(find_table(category, "tfidf", dataset.catalog, rows, split)) == len(dataset.catalog)
