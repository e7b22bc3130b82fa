import json
import os

import polars as pl
import pytest

from embrec.data.importing import import_data
from embrec.data.preparation import PRESETS
from embrec.data.readers.table import TableSource
from embrec.data.store import load_dataset, load_with_others
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


def test_what_an_older_version_took_for_texts_stays_when_the_same_is_imported_again(tmp_path):
    """Tables and runs were made from these texts, so the same import must not be refused."""
    log, items = tmp_path / "log.csv", tmp_path / "items.csv"
    log.write_text("user,item,timestamp\n" + "".join(f"u{n % 3},i{n % 4},{n}\n" for n in range(24)))
    items.write_text("item,title,code\n" + "".join(f"i{n},Lamp {n},A-{n}\n" for n in range(4)))
    category, source = Workspace(tmp_path).category("old"), TableSource(interactions=log, items=items)
    import_data(category, source)
    meta = json.loads((category.data / "meta.json").read_text())
    assert meta["text_columns"] == ["title"]
    meta["text_columns"] = ["title", "code"]
    meta["import"]["arguments"]["time_unit"] = "s"  # which was then what an import took where none was given
    (category.data / "meta.json").write_text(json.dumps(meta))
    for name in ("others", "other_users"):
        (category.data / f"{name}.parquet").unlink()
    again = import_data(category, source)
    assert not again.fresh
    assert again.dataset.meta["report"]["remarks"][-1] == (
        "the catalog stays as it was first read, with the texts of title, code; this version would read title: import with "
        "`force=True` to read those"
    )
    assert load_with_others(category).catalog.text_columns == ("title", "code")
    assert load_with_others(category).others is not None
    os.utime(items, (1, 1))
    assert not import_data(category, source).fresh
    assert load_dataset(category).catalog.text_columns == ("title", "code")
    items.write_text(items.read_text().replace("Lamp 3", "Chair"))
    with pytest.raises(DataError, match=r"with another content of .*items.csv; choose another `category`"):
        import_data(category, source)
    import_data(category, source, force=True)
    assert load_dataset(category).catalog.text_columns == ("title",)
