"""Tests of the look-up of feature tables: by name, by spec, and by the split they fit."""

import re

import numpy as np
import polars as pl
import pytest
from support.categories import toy_category

from embrec.data.catalog import Catalog
from embrec.data.interactions import Interactions
from embrec.data.splits import ItemHoldout, LeaveOneOut
from embrec.data.store import Dataset, save_dataset
from embrec.errors import ConfigError, EmbrecError, FeatureError
from embrec.features.category import build_features
from embrec.features.finding import find_table, fitting_tables, list_tables, named_table
from embrec.features.registry import load_encoder
from embrec.features.table import FeatureTable
from embrec.features.text.tfidf import TfidfEncoder
from embrec.features.verify import verify
from embrec.workspace import Workspace


@pytest.fixture
def category(tmp_path):
    category = Workspace(tmp_path).category("toys")
    catalog = Catalog(
        pl.DataFrame({"item": [f"i{i}" for i in range(12)], "title": [f"toy word{i}" for i in range(12)]})
    )
    generator = np.random.default_rng(0)
    users = np.repeat(np.arange(20), 6)
    log = Interactions.from_events(
        np.array([f"u{i}" for i in range(20)], dtype=object), users, generator.integers(0, 12, 120), np.arange(120)
    )
    save_dataset(category, Dataset(catalog, log))
    return category, catalog, log


def test_each_split_finds_the_table_fitted_on_its_own_training_items(category):
    folder, catalog, log = category
    splits = [LeaveOneOut(), ItemHoldout(fraction=0.3, seed=1), ItemHoldout(fraction=0.3, seed=2)]
    paths = [next(iter(build_features(folder, ["tfidf"], split=split))).path for split in splits]
    assert len(set(paths)) == 3
    for split, path in zip(splits, paths, strict=True):
        assert find_table(folder, "tfidf", catalog, split(log, 12).train_items).path == path
        assert find_table(folder, path.stem, catalog, np.ones(12, dtype=bool)).path == path


def test_a_table_of_another_split_is_not_taken(category):
    folder, catalog, log = category
    list(build_features(folder, ["tfidf"], split=ItemHoldout(fraction=0.3)))
    with pytest.raises(FeatureError, match="fitted on the training items of another split"):
        find_table(folder, "tfidf", catalog, ItemHoldout(fraction=0.3, seed=5)(log, 12).train_items)


def test_a_table_fitted_on_the_whole_catalog_serves_every_split(category):
    folder, catalog, log = category
    (report,) = build_features(folder, ["tfidf"], fit_on="catalog")
    train_items = ItemHoldout(fraction=0.3)(log, 12).train_items
    assert find_table(folder, "tfidf", catalog, train_items).path == report.path


def test_what_is_missing_is_named_with_the_command_that_makes_it(category):
    folder, catalog, _ = category
    with pytest.raises(FeatureError, match=re.escape("`build_features(category='toys', encoders=['tfidf'])`")):
        find_table(folder, "tfidf", catalog, np.ones(12, dtype=bool))
    with pytest.raises(ConfigError, match="unknown encoder"):
        find_table(folder, "elmoo", catalog, np.ones(12, dtype=bool))


def test_two_tables_that_fit_are_not_guessed_between(category):
    folder, catalog, _ = category
    for features in (5, 6):
        list(build_features(folder, [f"tfidf:max_features={features}"], fit_on="catalog"))
    assert len(list_tables(folder)) == 2
    with pytest.raises(FeatureError, match="say which"):
        find_table(folder, "tfidf", catalog, np.ones(12, dtype=bool))
    with pytest.raises(FeatureError, match="say which"):
        named_table(folder, "tfidf")


def test_a_spec_finds_the_table_that_agrees_with_it(category):
    folder, catalog, _ = category
    specs = ["tfidf", "tfidf:max_features=5", "tfidf+svd:dim=3", "tfidf+svd:dim=2+l2", "tfidf+svd:dim=3+half"]
    paths = {spec: build_features(folder, spec, fit_on="catalog")[0].path for spec in specs}
    assert len(set(paths.values())) == 5
    everything = np.ones(12, dtype=bool)
    for spec, path in paths.items():
        assert find_table(folder, spec, catalog, everything).path == path
        assert find_table(folder, path.stem, catalog, everything).path == path
    assert named_table(folder, "tfidf+svd").path == paths["tfidf+svd:dim=3"]
    with pytest.raises(FeatureError, match=r"has no feature table 'tfidf\+svd:dim=4'; build it with"):
        find_table(folder, "tfidf+svd:dim=4", catalog, everything)
    with pytest.raises(FeatureError, match=r"no feature table 'tfidf\+pca'.* there are: tfidf"):
        named_table(folder, "tfidf+pca")


def test_an_unknown_encoder_stops_the_build_before_anything_is_written(category):
    folder, *_ = category
    with pytest.raises(ConfigError, match="unknown encoder"):
        list(build_features(folder, ["tfidf", "elmoo"]))
    assert not folder.features.exists()


def retitled(catalog, changed):
    return Catalog(
        pl.DataFrame(
            {"item": catalog.item_ids.tolist(), "title": [f"toy {'new ' * (i < changed)}word{i}" for i in range(12)]}
        )
    )


def test_a_table_whose_texts_have_changed_is_not_taken(category):
    folder, catalog, log = category
    (report,) = build_features(folder, ["tfidf"], fit_on="catalog")
    everything = np.ones(12, dtype=bool)
    for name in ("tfidf", report.path.stem):
        assert find_table(folder, name, catalog, everything).path == report.path
        with pytest.raises(
            FeatureError, match=r"the contents of 3 items have changed since .*build the features again"
        ):
            find_table(folder, name, retitled(catalog, 3), everything)
    save_dataset(folder, Dataset(retitled(catalog, 3), log))
    (again,) = build_features(folder, ["tfidf"], fit_on="catalog")
    assert again.path != report.path
    assert find_table(folder, "tfidf", retitled(catalog, 3), everything).path == again.path


def test_a_damaged_table_stands_in_nobodys_way(category):
    folder, catalog, _ = category
    (report,) = build_features(folder, ["tfidf"], fit_on="catalog")
    everything = np.ones(12, dtype=bool)
    for name in ("foreign.h5", "minilm-0123.h5", "tfidf-0123.h5"):
        (folder.features / name).write_bytes(b"junk")
        assert find_table(folder, "tfidf", catalog, everything).path == report.path
    with pytest.raises(FeatureError, match=r"minilm-0123\.h5 is no readable feature table"):
        find_table(folder, "minilm", catalog, everything)
    damaged = []
    assert [table.path for table in list_tables(folder, damaged=damaged.append)] == [report.path]
    assert len(damaged) == 3
    with pytest.raises(FeatureError, match=r"foreign\.h5"):
        list_tables(folder)


def test_text_columns_go_only_to_encoders_that_read_texts(category):
    folder, *_ = category
    with pytest.raises(ConfigError, match="no encoder of texts is asked for, only efficientnet-lite0"):
        list(build_features(folder, ["efficientnet-lite0"], template="title"))
    reports = []
    with pytest.raises(EmbrecError, match=r"finds nothing to read|needs the package"):
        build_features(folder, ["tfidf", "efficientnet-lite0"], template="title", on_report=reports.append)
    (table,) = list_tables(folder)
    assert [report.path for report in reports] == [table.path]
    assert table.attributes["encoder"]["params"]["template"] == "title"


@pytest.mark.parametrize("spec", ["tfidf", "tfidf+svd:dim=3"])
def test_tables_of_the_first_tfidf_are_read_on_and_a_new_one_is_taken_before_them(category, monkeypatch, spec):
    """Version 1 chose other terms among equal counts; what it saved is a list of terms like any other."""
    folder, catalog, log = category
    train_items = LeaveOneOut()(log, 12).train_items
    with monkeypatch.context() as before:
        before.setattr(TfidfEncoder, "version", 1)
        (old,) = build_features(folder, [spec])
    assert find_table(folder, spec, catalog, train_items).path == old.path
    assert named_table(folder, spec).path == old.path
    encoder = load_encoder(old.path.with_suffix(""))
    assert encoder.stem == old.path.stem
    (again := folder.path / "again").mkdir()
    encoder.save(again)
    assert load_encoder(again).stem == old.path.stem
    table = FeatureTable.open(old.path)
    assert all(check.passed for check in verify(table, catalog)), verify(table, catalog)
    (new,) = build_features(folder, [spec])
    assert new.path != old.path
    assert find_table(folder, spec, catalog, train_items).path == named_table(folder, spec).path == new.path
    assert [table.path for table in fitting_tables(folder, catalog, train_items)] == [new.path]
    # A run names its tables in full.
    assert find_table(folder, old.path.stem, catalog, train_items).path == old.path


def test_a_version_that_does_other_things_is_not_read(category, monkeypatch):
    folder, *_ = category
    with monkeypatch.context() as later:
        later.setattr(TfidfEncoder, "version", 3)
        (report,) = build_features(folder, ["tfidf"])
    with pytest.raises(FeatureError, match=r"version \[3\] cannot be used by this version of embrec"):
        load_encoder(report.path.with_suffix(""))


def test_an_engine_by_its_name_is_answered_with_how_to_make_one(tmp_path):
    with pytest.raises(
        ConfigError, match=r"engine is 'ray', not an engine; open one: with open_engine\('ray'\) as engine"
    ):
        build_features(toy_category(tmp_path), ["tfidf"], engine="ray")
