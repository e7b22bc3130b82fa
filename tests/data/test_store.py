import json

import numpy as np
import polars as pl
import pytest

from embrec.data.catalog import Catalog
from embrec.data.interactions import Interactions
from embrec.data.store import Dataset, load_dataset, save_dataset
from embrec.errors import DataError
from embrec.workspace import Workspace


@pytest.fixture
def dataset():
    log = Interactions.from_events(
        np.array(["u", "v"], dtype=object),
        np.array([1, 0, 1]),
        np.array([0, 1, 1]),
        np.array([3, 2, 1]),
        {"rating": np.array([1.0, 2.0, 3.0]), "region": np.array(["x", "", "y"], dtype=object)},
    )
    catalog = Catalog(pl.DataFrame({"item": ["a", "b"], "note": ["n", None], "title": ["Pen", None]}), ["title"])
    return Dataset(catalog, log, {"import": {"source": "test"}})


def test_a_data_set_comes_back_as_it_was_saved(tmp_path, dataset):
    category = Workspace(tmp_path).category("toys")
    save_dataset(category, dataset)
    again = load_dataset(category)
    for name in ("user_ids", "user", "item", "time"):
        np.testing.assert_array_equal(getattr(again.interactions, name), getattr(dataset.interactions, name))
    for name, values in dataset.interactions.context.items():
        np.testing.assert_array_equal(again.interactions.context[name], values)
    assert again.catalog.frame.equals(dataset.catalog.frame)
    assert again.catalog.text_columns == ("title",)
    assert again.meta["import"] == {"source": "test"}
    assert again.statistics() == dataset.statistics()


def test_statistics_are_those_of_papers(dataset):
    assert dataset.statistics() == {
        "users": 2,
        "items": 2,
        "events": 3,
        "events per user": 1.5,
        "events per item": 1.5,
        "density": 0.75,
        "catalog": 2,
    }


def test_an_absent_category_and_another_format_are_errors(tmp_path, dataset):
    category = Workspace(tmp_path).category("toys")
    with pytest.raises(DataError, match=r"no category 'toys' .*\(there: none yet\)"):
        load_dataset(category)
    save_dataset(category, dataset)
    with pytest.raises(DataError, match=r"no category 'x' .*\(there: toys\)"):
        load_dataset(Workspace(tmp_path).category("x"))
    meta = category.data / "meta.json"
    meta.write_text(json.dumps(json.loads(meta.read_text()) | {"format": 0}))
    with pytest.raises(DataError, match="have format 0, this version reads 1"):
        load_dataset(category)


def test_saving_again_replaces_everything_and_leaves_nothing_behind(tmp_path, dataset):
    category = Workspace(tmp_path).category("toys")
    save_dataset(category, dataset)
    save_dataset(category, Dataset(dataset.catalog, dataset.interactions, {"second": True}))
    assert load_dataset(category).meta.get("second")
    assert [path.name for path in category.path.iterdir()] == ["data"]


def test_a_full_disk_is_one_message_and_the_old_data_stay(tmp_path, dataset, monkeypatch):
    category = Workspace(tmp_path).category("toys")
    save_dataset(category, dataset)

    def full(*_, **__):
        raise pl.exceptions.ComputeError("No space left on device (os error 28)")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(DataError, match=r"cannot write .*catalog\.parquet \(No space left on device"):
        save_dataset(category, dataset)
    assert len(load_dataset(category).interactions) == 3
    assert [path.name for path in category.path.iterdir()] == ["data"]
