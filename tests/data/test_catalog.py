import numpy as np
import polars as pl
import pytest

from embrec.data.catalog import Catalog, content_hashes
from embrec.errors import DataError

FRAME = pl.DataFrame(
    {"item": ["a", "b", "c"], "title": ["Pen", " ", None], "brand": ["Pilot", "Bic", None], "price": [1.0, None, 2.0]}
)


def test_text_columns_are_joined_and_absent_values_left_out():
    assert Catalog(FRAME).texts() == ["Pen Pilot", "Bic", ""]
    assert Catalog(FRAME, ["brand", "title"]).texts() == ["Pilot Pen", "Bic", ""]
    assert Catalog(FRAME).texts(["price"]) == ["1.0", "", "2.0"]
    assert Catalog(FRAME, []).texts() == ["", "", ""]


def test_rows_and_membership():
    catalog = Catalog(FRAME)
    assert len(catalog) == 3
    assert catalog.rows(["c", "a"]).tolist() == [2, 0]
    assert "b" in catalog
    assert "x" not in catalog
    with pytest.raises(DataError, match="no item 'x' in the catalog of 3 items; their ids look like 'a'"):
        catalog.row("x")
    with pytest.raises(DataError, match=r"no item 'x' in the catalog of 0 items$"):
        catalog.select([]).row("x")


def test_image_is_a_path_and_no_text():
    catalog = Catalog(FRAME.with_columns(image=pl.Series(["x/a.jpg", None, ""])))
    assert catalog.text_columns == ("title", "brand")
    assert [path and path.name for path in catalog.image_paths()] == ["a.jpg", None, None]
    assert Catalog(FRAME).image_paths() == [None] * 3


def test_a_fingerprint_changes_with_the_content_of_its_item_only():
    before = Catalog(FRAME).fingerprints
    after = Catalog(FRAME.with_columns(title=pl.Series(["Pen", "new", None]))).fingerprints
    assert (before != after).any(axis=1).tolist() == [False, True, False]
    shuffled = Catalog(FRAME.select("price", "brand", "item", "title")).select([2, 0]).fingerprints
    np.testing.assert_array_equal(shuffled, before[[2, 0]])


def test_the_catalog_fingerprint_is_of_ids_and_order():
    catalog = Catalog(FRAME)
    assert catalog.fingerprint == Catalog(FRAME.drop("title")).fingerprint
    assert catalog.fingerprint != catalog.select([1, 0, 2]).fingerprint


@pytest.mark.parametrize(
    ("columns", "title"),
    [
        (["name", "title"], "title"),
        (["brand", "Product-Name"], "Product-Name"),
        (["brand", "prod_name", "name"], "name"),
        (["brand", "colour"], "brand"),
        ([], None),
    ],
)
def test_the_title_is_told_by_common_names(columns, title):
    catalog = Catalog(pl.DataFrame({"item": ["a"], **{name: [f"the {name}"] for name in columns}}))
    assert catalog.title_column == title
    assert catalog.titles() == catalog.titles([0]) == [f"the {title}" if title else ""]


def test_a_title_that_is_no_text_or_absent_is_shown_as_it_is():
    frame = pl.DataFrame({"item": ["a", "b"], "year": [1984, None]})
    assert Catalog(frame, (), "year").titles() == ["1984", ""]
    with pytest.raises(DataError, match="no column 'name'"):
        Catalog(frame, (), "name")


def test_extending_appends_and_refuses_known_items():
    new = Catalog(pl.DataFrame({"item": ["d"], "title": ["Ink"], "colour": ["red"]}))
    both = Catalog(FRAME).extended(new)
    assert both.item_ids.tolist() == ["a", "b", "c", "d"]
    assert both.texts()[3] == "Ink red"
    with pytest.raises(DataError, match="item 'd' is in the catalog more than once"):
        both.extended(new)


@pytest.mark.parametrize(
    ("frame", "columns", "message"),
    [
        (pl.DataFrame({"id": ["a"]}), None, "a catalog needs a column 'item'; there are: id"),
        (pl.DataFrame({"item": ["a", None]}), None, "rows without an item id"),
        (pl.DataFrame({"item": ["a", "a"]}), None, "item 'a' is in the catalog more than once"),
        (FRAME, ["titel"], "no column 'titel'; did you mean 'title'. there are: item, title, brand, price"),
    ],
)
def test_a_catalog_that_is_none_is_an_error(frame, columns, message):
    with pytest.raises(DataError, match=message):
        Catalog(frame, columns)


def test_hashes_of_text_and_bytes_agree():
    hashes = content_hashes(["é", "é".encode(), "e"])
    assert hashes.shape == (3, 16)
    assert (hashes[0] == hashes[1]).all()
    assert (hashes[0] != hashes[2]).any()
    assert content_hashes([]).shape == (0, 16)


def test_an_id_that_lost_its_zeros_is_answered_with_the_one_that_has_them():
    catalog = Catalog(pl.DataFrame({"item": ["0108775015", "0108812001"]}))
    with pytest.raises(DataError, match=r"no item '108812001' .*; it has '0108812001': leading zeros were lost"):
        catalog.row("108812001")
