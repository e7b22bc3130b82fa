import json

import polars as pl
import pytest

from embrec.data.importing import import_data
from embrec.data.preparation import PRESETS
from embrec.data.readers.table import TableSource
from embrec.data.store import load_dataset
from embrec.errors import DataError
from embrec.workspace import Workspace

LOG = pl.DataFrame({"user": ["u", "u", "v"], "item": ["a", "b", "a"], "timestamp": [1, 2, 3]})
ITEMS = pl.DataFrame({"item": ["a", "b"], "prod_name": ["Lamp", "Chair"], "detail": ["red", "blue"]})


@pytest.fixture
def shop(tmp_path):
    return Workspace(tmp_path).category("shop")


def bring(shop, **options):
    return import_data(shop, TableSource(**({"interactions": LOG, "items": ITEMS} | options)), PRESETS["none"])


def test_the_same_frames_again_cost_nothing_and_others_are_refused(shop):
    assert bring(shop).fresh
    assert not bring(shop).fresh
    assert not bring(shop, interactions=LOG.clone()).fresh
    with pytest.raises(
        DataError, match=r"already imported, with another interactions \(.a table of 3 rows with the fingerprint"
    ):
        bring(shop, interactions=LOG.with_columns(timestamp=pl.Series([1, 2, 4])))
    assert "fingerprint" in json.loads((shop.data / "meta.json").read_text())["import"]["arguments"]["items"]


def test_an_import_that_names_what_was_guessed_is_the_same(shop):
    assert bring(shop, user_column="user", time_unit="s").fresh  # as all imports were before columns were guessed
    assert not bring(shop).fresh
    assert not bring(shop, item_column="item").fresh
    log = LOG.with_columns(buyer=pl.lit("w"))
    shop = Workspace(shop.data.parent.parent).category("other")
    assert bring(shop, interactions=log).fresh
    with pytest.raises(DataError, match=r"with another content of user_column \(None before, 'buyer' now\)"):
        bring(shop, interactions=log, user_column="buyer")
    assert bring(shop, interactions=log, user_column="user").fresh is False


def test_the_title_column_is_kept(shop):
    bring(shop, title_column="detail")
    catalog = load_dataset(shop).catalog
    assert catalog.title_column == "detail"
    assert catalog.titles() == ["red", "blue"]
    assert catalog.select([1]).titles() == ["blue"]
    assert catalog.extended(catalog.select([])).title_column == "detail"


def test_without_one_the_title_is_what_has_the_name_of_a_title_or_else_the_first_text(shop):
    bring(shop)
    assert load_dataset(shop).catalog.title_column == "prod_name"
