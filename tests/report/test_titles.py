import polars as pl

from embrec.data.catalog import Catalog
from embrec.report.titles import item_title


def test_a_title_is_without_markup_and_cut_after_a_word():
    catalog = Catalog(pl.DataFrame({"item": ["a"], "title": ["<b>Salt</b> &amp;  pepper mill"]}))
    assert item_title(catalog, 0) == "Salt & pepper mill"
    assert item_title(catalog, 0, 14) == "Salt & pepper…"


def test_an_item_without_a_title_goes_by_its_whole_id():
    catalog = Catalog(
        pl.DataFrame({"item": ["a" * 50, "b"], "title": [None, "<br>"]}, schema_overrides={"title": pl.String})
    )
    assert item_title(catalog, 0, 10) == "a" * 50
    assert item_title(catalog, 1, 10) == "b"
    assert item_title(Catalog(pl.DataFrame({"item": ["c"]})), 0) == "c"


def test_a_catalog_says_which_column_is_the_title():
    frame = pl.DataFrame({"item": ["a"], "prod_name": ["Strap top"], "detail": ["A <i>jersey</i> top"]})
    assert item_title(Catalog(frame), 0) == "Strap top"
    assert item_title(Catalog(frame, title_column="detail"), 0) == "A jersey top"
