import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embrec.data.readers.text import clean_text, joined, price
from embrec.features.text.texts import clean


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
        ("Shelf, fits <10 in. boxes and >4 kg loads", "Shelf, fits <10 in. boxes and >4 kg loads"),
        ("5 &lt; 6 &amp; 7 &gt; 2 puzzle", "5 < 6 & 7 > 2 puzzle"),
        ("if a < b then b > a adapter", "if a < b then b > a adapter"),
        ("&lt;br&gt;Salt&lt;/br&gt;", "Salt"),
        ("<!-- a > b -->Lamp<!DOCTYPE html>", "Lamp"),
        ("<STYLE type='x'>p { color: red }</STYLE >Lamp", "Lamp"),
        ("Lamp<script>var a = 1;", "Lamp"),
        ("<style guide, 3rd edition", "<style guide, 3rd edition"),
        ("<script>1</script>A<script>2</script>B", "A B"),
    ],
)
def test_clean_text_leaves_only_what_a_person_reads(raw, clean):
    assert clean_text(raw) == clean


@settings(deadline=None)
@given(st.text(alphabet="<>/ab1 &;!-\n", max_size=40))
def test_the_reader_and_the_encoders_read_the_same(text):
    assert clean(text) == (clean_text(text) or "")
    assert clean(text, max_words=2) == " ".join(clean(text).split()[:2])


@settings(deadline=None)
@given(st.lists(st.from_regex(r"[a-z0-9.,]{1,6}", fullmatch=True), max_size=8), st.data())
def test_numbers_between_angle_brackets_are_kept(words, data):
    marks = [data.draw(st.sampled_from(["<10", ">4", "<", ">", "<=3"])) for _ in words]
    text = " ".join(part for pair in zip(words, marks, strict=True) for part in pair)
    assert clean(text) == text


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
        ("9,99", 9.99),
        ("9,99 €", 9.99),
        ("1.299,00 €", 1299.0),
        ("1 299,00 zł", 1299.0),
        ("CHF 1'234.50", 1234.5),
        ("1,299", 1299.0),
        ("10,000,000", 10e6),
        ("0,125", 0.125),
        ("from 5, then 6", 5.0),
        (True, None),
    ],
)
def test_price_is_the_first_number(raw, number):
    assert price(raw) == number
