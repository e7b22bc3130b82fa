import pytest

from embrec.data.readers.text import clean_text, joined, price


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ('<span class="a">Blue</span>\n  <b>Pen</b>', "Blue Pen"),
        ("<script>var a = 1;</script>Pen", "Pen"),
        ("  ", None),
        (None, None),
        ("3 < 4", "3 < 4"),
        (1984, "1984"),
    ],
)
def test_clean_text_leaves_only_what_a_person_reads(raw, clean):
    assert clean_text(raw) == clean


def test_joined_flattens_any_depth_and_says_nothing_twice():
    assert joined([["Office", "Pens"], ["Office", "Gel &amp; Ink"]], ", ") == "Office, Pens, Gel & Ink"
    assert joined("one", ", ") == "one"
    assert joined([], ", ") is None
    assert joined([None, [""]], ", ") is None


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("$12.99", 12.99),
        ("$1,234.50 - $2,000", 1234.5),
        (3, 3.0),
        ("", None),
        (None, None),
        ("—", None),
        ("x" * 99, None),
    ],
)
def test_price_is_the_first_number(raw, number):
    assert price(raw) == number
