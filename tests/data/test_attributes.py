import numpy as np
import polars as pl
import pytest

from embrec.data.attributes import read_attribute
from embrec.data.catalog import Catalog
from embrec.data.extras import attribute_columns
from embrec.errors import ConfigError, DataError

CATALOG = Catalog(
    pl.DataFrame(
        {
            "item": ["a", "b", "c", "d"],
            "brand": ["Zen", None, "Acme", " Acme "],
            "price": [1.5, None, 3.0, 0.0],
            "year": [1999, 2001, 2001, None],
            "sold": [True, False, True, None],
            "categories": ["Beauty > Hair", "Beauty > Skin > Face", "", "Tools"],
            "genres": [["Drama", "War"], [], None, ["War"]],
            "parts": [{"x": 1}] * 4,
        }
    ),
    ["brand"],
)


def test_numbers_are_by_tensor_id_and_nan_where_they_are_missing():
    price = read_attribute(CATALOG, "price")
    assert price.values.dtype == np.float32
    assert price.vocabulary == ()
    np.testing.assert_array_equal(price.values, [0, 1.5, np.nan, 3, 0])
    np.testing.assert_array_equal(read_attribute(CATALOG, "year").values, [0, 1999, 2001, 2001, np.nan])
    np.testing.assert_array_equal(read_attribute(CATALOG, "sold").values, [0, 1, 0, 1, np.nan])


def test_names_are_numbers_of_a_vocabulary():
    brand = read_attribute(CATALOG, "brand")
    assert brand.vocabulary == ("Acme", "Zen")
    assert brand.values.tolist() == [0, 2, 0, 1, 1]
    whole = read_attribute(CATALOG, "categories")
    assert whole.vocabulary == ("Beauty > Hair", "Beauty > Skin > Face", "Tools")


def test_a_level_of_a_path_is_one_name_an_item():
    first, second = (read_attribute(CATALOG, f"categories:level={level}") for level in (1, 2))
    assert first.vocabulary == ("Beauty", "Tools")
    assert first.values.tolist() == [0, 1, 1, 0, 2]
    assert second.vocabulary == ("Hair", "Skin")
    assert second.values.tolist() == [0, 1, 2, 0, 0]
    assert read_attribute(CATALOG, "genres:level=1").values.tolist() == [0, 1, 0, 0, 2]


def test_a_list_is_several_names():
    genres = read_attribute(CATALOG, "genres")
    assert genres.vocabulary == ("Drama", "War")
    assert genres.values.astype(int).tolist() == [[0, 0, 0], [0, 1, 1], [0, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_a_column_that_cannot_be_an_attribute_is_an_error():
    with pytest.raises(DataError, match="no column 'colour' to read an attribute from"):
        read_attribute(CATALOG, "colour")
    with pytest.raises(DataError, match="'parts' of the catalog holds Struct"):
        read_attribute(CATALOG, "parts")
    with pytest.raises(ConfigError, match="'price' holds numbers, which have no levels"):
        read_attribute(CATALOG, "price:level=1")


def test_lists_of_too_many_names_are_an_error(monkeypatch):
    monkeypatch.setattr("embrec.data.attributes._LARGEST", 14)
    with pytest.raises(DataError, match=r"'genres' has 2 different names in the lists of 4 items.*'genres:level=1'"):
        read_attribute(CATALOG, "genres")


def test_a_model_that_names_no_attribute_reads_those_of_one_value_an_item():
    assert attribute_columns(CATALOG) == ("price", "year", "sold", "categories")
