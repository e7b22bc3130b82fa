import polars as pl
import pytest

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError
from embrec.features.text.texts import TextParams, item_texts


def catalog(**columns):
    return Catalog(pl.DataFrame({"item": [f"i{row}" for row in range(len(columns["title"]))], **columns}))


def test_texts_are_cleaned():
    assert item_texts(catalog(title=["Salt &amp; pepper <b>mill</b>"]), TextParams(max_words=3)) == ["Salt & pepper"]


def test_columns_are_read_in_the_order_asked_for():
    items = catalog(title=["a", "b"], brand=["x", None])
    assert item_texts(items, TextParams(template="brand title")) == ["x a", "b"]


def test_a_template_is_a_sentence_around_columns():
    items = catalog(title=["red  hat", "sock", None], brand=["Acme &amp; Co", None, ""])

    def read(template):
        return item_texts(items, TextParams(template=template))

    assert read("{title}, made by {brand}.") == ["red hat, made by Acme & Co.", "sock, made by .", ""]
    assert read("brand title") == ["Acme & Co red hat", "sock", ""]
    assert read(None) == ["red hat Acme & Co", "sock", ""]
    with pytest.raises(
        ConfigError, match="names a column 'colour' that the catalog does not have; there are: title, brand"
    ):
        read("{title} in {colour}")
