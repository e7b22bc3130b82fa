import json
from datetime import date, timedelta

import polars as pl
import pytest

from embrec.data.readers.readable import readable
from embrec.data.readers.table import TableSource, read_items

ITEMS = pl.Series("item", [f"{1000 + number}" for number in range(20)])


def read(values, name="column", *, wanted=False, **options):
    remarks = []
    found, reason = readable(pl.Series(name, values, **options), ITEMS, remarks, wanted=wanted)
    return None if found is None else found.to_list(), reason, remarks


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("similar_books", [["1001", "1002"], ["1003"], None], "ids of items"),
        ("similar", ["1001, 1002", "1003", None], "ids of items"),
        ("similar", ["1001 1002", "1003 1005", None], "ids of items"),
        ("similar", ['["1001", "1002"]', "['1003']", None], "ids of items"),
        ("twin", ["1001", "1002", "1001"], "ids of items"),
        ("also_viewed", ["B1", "B2", None], "ids of items"),
        ("related", [{"also_bought": ["1001"]}, {"also_bought": ["1002"]}, None], "nested"),
        ("authors", [[{"id": "5", "role": ""}], [], None], "nested"),
        ("related", ['{"also_bought": ["1001"]}', "{'also_bought': []}", None], "nested"),
        ("product_code", ["0108775", "0110065", "0111565"], "codes and numbers"),
        ("ean", ["4006381", "4006382", None], "codes and numbers"),
        ("price", ["$9.99", "$1,299.00", *["$5"] * 30, "N/A", None], "codes and numbers"),
        ("index_code", ["A", "B", "C"], "codes and numbers"),
        ("sectionNo", ["A7", "B7", "C7"], "codes and numbers"),
        ("sizes", [[36, 38], [40], None], "codes and numbers"),
        ("sizes", ["36, 38", "40", None], "codes and numbers"),
        ("link", ["https://a.example/x", "http://b.example", None], "links"),
        ("pictures", [["https://a.example/x", "https://a.example/y"], [], None], "links"),
        ("picture", ["a/b.jpg", "c.PNG", None], "names of files"),
        ("released", ["2020-01-01", "2020-02-01T10:00:00Z", "2020-02-01 10:00:00.5", None], "dates"),
        ("title", ["2020-01-01 and after", "1984", "2020-01-01"], None),
        ("in_stock", ["maybe", "true", "false"], None),
        ("title", ["The red house 7", "1984", "Lamp"], None),
        ("colour", ["red", "blue", None], None),
        ("model_no", ["with a long text", "of several words", "and more words"], None),
        ("tags", [["x", "y"], ["z"], None], None),
        ("nothing", [None, None, None], None),
    ],
)
def test_what_is_text_is_told_by_the_values_of_a_column(name, values, reason):
    assert read(values, name, dtype=pl.String if name == "nothing" else None)[1] == reason


def test_truth_values_are_the_same_in_every_case_and_no_text():
    found = read(["True", " false", "TRUE", None, ""], "in_stock")
    assert found == ([True, False, True, None, None], None, [])


def test_a_column_of_lists_on_some_lines_says_the_same_as_one_of_lists_or_texts(tmp_path):
    texts = ["Made of oak", "Made of oak & steel", "[Pack of 2] lamp", None]
    rows = [
        {"item": f"i{place}", "all": [text] if text else None, "some": [text] if text and place else text, "none": text}
        for place, text in enumerate(texts)
    ]
    path = tmp_path / "items.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    catalog = read_items(path)
    assert catalog.text_columns == ("all", "some", "none")
    assert catalog.frame["some"].to_list() == catalog.frame["all"].to_list() == catalog.frame["none"].to_list() == texts


def test_nested_values_are_kept_as_json():
    assert read([{"a": [1, None], "b": "é"}, None])[0] == ['{"a": [1, null], "b": "é"}', None]
    assert read([[{"day": date(2024, 5, 31)}]])[0] == ['[{"day": "2024-05-31"}]']


def test_bytes_are_text_or_left_out_and_that_is_said():
    assert read([b"red lamp", None]) == (["red lamp", None], None, [])
    found, _, remarks = read([b"\xff\xd8\xff", None], "photo")
    assert found is None
    assert remarks == ["column 'photo' of the catalog holds Binary, which cannot be read: left out"]
    assert read([{"photo": b"\xff"}])[0] is None


@pytest.mark.parametrize(
    ("values", "numbers", "remark"),
    [
        (
            ["9,99", "10", " 1.299,50 ", None],
            [9.99, 10, 1299.5, None],
            "column 'column' is read as numbers: '9,99' as 9.99",
        ),
        (["1.299,00 €", "5,- €", ""], [1299, 5, None], "'1.299,00 €' as 1299"),
        (["$1,234.50", "$9.99"], [1234.5, 9.99], "'$1,234.50' as 1234.5"),
        (["USD 5", "USD 7.25"], [5, 7.25], "'USD 5' as 5"),
        (["-3,5", "4,25"], [-3.5, 4.25], "'-3,5' as -3.5"),
        (["1,234,567", "9,500"], [1234567, 9500], "'1,234,567' as 1.23457e+06"),
    ],
)
def test_prices_become_numbers_and_that_is_said(values, numbers, remark):
    found, reason, remarks = read(values)
    assert found == numbers
    assert reason is None
    assert len(remarks) == 1
    assert remark in remarks[0]


@pytest.mark.parametrize(
    "values", [["9,99", "cheap"], ["red, blue", "7"], ["5", "007"], ["2.5", "3.5"], ["AB 12", "CD 13"]]
)
def test_other_texts_stay_texts(values):
    assert read(values)[0] == values


def test_what_can_be_read_in_two_ways_stays_as_it_is_and_that_is_said():
    found, _, remarks = read(["1,299", "2,499"])
    assert found == ["1,299", "2,499"]
    assert remarks == ["column 'column' stays text: its commas could be decimal commas or thousands separators"]


def test_a_column_that_is_named_is_text_whatever_it_holds(tmp_path):
    frame = pl.DataFrame(
        {"item": ["1", "2"], "price": ["9,99", "8,99"], "index_code": ["A", "B"], "name": ["x y", "z"]}
    )
    catalog = read_items(frame, text_column=["price", "index_code"])
    assert catalog.texts() == ["9,99 A", "8,99 B"]
    assert read_items(frame).text_columns == ("name",)


def test_the_columns_of_a_fashion_shop_are_sorted_out(tmp_path):
    frame = pl.DataFrame(
        {
            "article_id": ["0108775015", "0108775044"],
            "product_code": ["0108775", "0108775"],
            "prod_name": ["Strap top", "Strap top (1)"],
            "product_type_no": ["253", "306"],
            "colour_group_code": ["09", "10"],
            "colour_group_name": ["Black", "White"],
            "perceived_colour_value_id": ["4", "3"],
            "department_no": ["1676", "1676"],
            "index_code": ["A", "A"],
            "index_name": ["Ladieswear", "Ladieswear"],
            "detail_desc": ["Jersey top with narrow straps.", None],
        }
    )
    events = pl.DataFrame(
        {"customer_id": ["c1", "c1"], "article_id": ["0108775015", "0108775044"], "t_dat": ["2020-09-01", "2020-09-02"]}
    )
    raw = TableSource(interactions=events, items=frame).read()
    assert raw.text_columns == ("prod_name", "colour_group_name", "index_name", "detail_desc")
    assert raw.remarks == [
        "item column: article_id",
        "user column: customer_id",
        "time column: t_dat",
        "not read as text: product_code, product_type_no, colour_group_code, perceived_colour_value_id, department_no, "
        "index_code (codes and numbers); to read what you choose: `text_column`",
    ]


def test_durations_and_other_types_do_not_hurt():
    assert read([timedelta(days=1)])[0] == [timedelta(days=1)]
    assert read([timedelta(days=1), None], wanted=True)[0] == ["P1D", None]
    assert read(["{{}}", "{" * 50 + "}" * 50, "[" * 5000 + "]" * 5000])[0][0] == "{{}}"
    assert read(["x"], dtype=pl.Categorical)[0] == ["x"]
