import re
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embrec.data.id_mismatch import find_id_mismatch
from embrec.data.readers.ids import as_ids, check_match
from embrec.errors import DataError


def where(row):
    return f"log, row {row + 1}"


def ids(values, **options):
    return as_ids(pl.Series("sku", values, **options), "item", where).to_list()


def check(log, catalog):
    return check_match(pl.Series(log), pl.Series(catalog, dtype=pl.String))


@pytest.mark.parametrize(
    ("values", "options", "expected"),
    [
        ([" a", "A"], {}, [" a", "A"]),
        ([1, None], {}, ["1", None]),
        ([2**64 - 1], {"dtype": pl.UInt64}, ["18446744073709551615"]),
        ([1.0, float("nan"), None], {}, ["1", None, None]),
        ([2.0**53], {}, ["9007199254740992"]),
        ([Decimal("7"), Decimal("8.00")], {}, ["7", "8"]),
        ([b"ab", None], {}, ["ab", None]),
        (["x", "y"], {"dtype": pl.Categorical}, ["x", "y"]),
        (["x"], {"dtype": pl.Enum(["x"])}, ["x"]),
        ([date(2024, 5, 31)], {}, ["2024-05-31"]),
        ([None], {"dtype": pl.Null}, [None]),
    ],
)
def test_ids_become_text_as_they_stand(values, options, expected):
    assert ids(values, **options) == expected


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.0, 7.5], {}, r"^log, row 2: the item id is 7\.5, not a whole number; ids are text or whole numbers$"),
        ([1.0, float("inf")], {}, r"^log, row 2: the item id is inf, not a whole number"),
        (
            [2.0**53 + 2],
            {},
            r"row 1: the item id is 9007199254740994\.0, a floating-point number so large that it has lost",
        ),
        ([2.0**24 + 2], {"dtype": pl.Float32}, r"row 1: the item id is 16777218\.0, a floating-point number so large"),
        ([Decimal("7.5")], {}, r"row 1: the item id is '7\.5', a fraction; ids are text or whole numbers"),
        ([b"\xff\xfe"], {}, r"row 1: the item id is b'\\xff\\xfe', not UTF-8 text"),
        ([True], {}, r"row 1: column 'sku' has the type Boolean; expected the item ids, text or whole numbers"),
        ([["a"]], {}, r"row 1: column 'sku' has the type List\(String\)"),
        ([{"a": 1}], {}, r"row 1: column 'sku' has the type Struct"),
    ],
)
def test_what_cannot_be_an_id_is_named_with_its_place(values, options, message):
    with pytest.raises(DataError, match=message) as error:
        ids(values, **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("log", "catalog", "cause"),
    [
        ("108775015", "0108775015", "leading zeros were lost on one side"),
        ("108775019.0", "108775019", "ids of one side became floating-point numbers"),
        (
            "108775019.0",
            "0108775019",
            "leading zeros were lost on one side and ids of one side became floating-point numbers",
        ),
        ("a1 ", "a1", "blanks stand around the ids of one side"),
        ("b00x", "B00X", "upper and lower case differ"),
        ("caf\u00e9", "cafe\u0301", "letters that look alike are different characters"),
        ("\uff11\uff12", "12", "letters that look alike are different characters"),
        ("a1", "a1\u200b", "letters that look alike are different characters"),
        ("'a1'", "a1", "quotation marks stand around the ids of one side"),
        (" 0012", "12", "blanks stand around the ids of one side and leading zeros were lost on one side"),
    ],
)
def test_a_catalog_that_has_no_item_of_the_log_is_refused_with_the_likely_cause(log, catalog, cause):
    told = re.escape(f"{log!r} in the log, {catalog!r} in the catalog: {cause}") + "( .Unicode.)?; fix"
    message = rf"^no item of the log \(1\) is in the catalog \(1\): {told}"
    with pytest.raises(DataError, match=message):
        check([log], [catalog])
    found = find_id_mismatch(pl.Series([catalog]), pl.Series([log]))
    assert (found.pairs, found.one, found.other) == (1, catalog, log)
    assert found.cause.removesuffix(" (Unicode)") == cause


def test_without_a_cause_an_id_of_each_side_is_shown():
    with pytest.raises(
        DataError, match=r"'a' is an id of the log, 'x' one of the catalog; do both columns hold ids of"
    ):
        check(["a", "b"], ["x", "y"])
    with pytest.raises(DataError, match="the catalog is empty"):
        check(["a"], [])


def test_a_catalog_may_lack_items_but_not_many_without_a_word():
    items = [f"i{number}" for number in range(10)]
    assert check(items, items) is None
    assert check(items, items[:5]) is None
    warning = check(items, items[:4])
    assert warning == (
        "only 4 of the 10 items of the log are in the catalog (40.0 %); for example, 'i4' has no metadata, "
        "while the catalog has ids like 'i0'"
    )


def test_where_ids_are_written_in_two_ways_that_is_said_however_many_match():
    log = [f"{number}" for number in range(100, 120)]
    catalog = [*log[:18], "0118", "0119", "0120"]
    warning = check(log, catalog)
    assert warning.startswith(
        "only 18 of the 20 items of the log are in the catalog (90.0 %); 2 more would be if their ids"
    )
    assert "'118' in the log, '0118' in the catalog: leading zeros were lost on one side" in warning


def test_items_of_their_own_that_merely_look_alike_are_no_cause():
    assert check(["12", "7", "9"], ["012", "12", "7", "9"]) is None


@settings(deadline=None)
@given(st.sets(st.integers(1, 10**6), min_size=1, max_size=30), st.booleans())
def test_lost_zeros_are_always_noticed(numbers, lost_in_log):
    short = [str(number) for number in sorted(numbers)]
    long = [f"{number:010}" for number in sorted(numbers)]
    with pytest.raises(DataError, match="leading zeros were lost on one side"):
        check(short, long) if lost_in_log else check(long, short)
