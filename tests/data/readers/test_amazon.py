import gzip
import json

import pytest

from embrec.data.readers.amazon import AmazonSource
from embrec.errors import DataError


def review(user="U1", item="B1", time=1400000000, rating=5.0, **more):
    return {"reviewerID": user, "asin": item, "overall": rating, "unixReviewTime": time, "helpful": [0, 1], **more}


def write_lines(path, records, form=json.dumps, compress=False):
    data = "".join(form(record) + "\n" for record in records).encode()
    path.write_bytes(gzip.compress(data) if compress else data)
    return path


def read(tmp_path, reviews, metadata=None, source="amazon-2014", form=None, **options):
    options["reviews"] = write_lines(tmp_path / "reviews.json", reviews)
    if metadata is not None:
        form = form or (repr if source == "amazon-2014" else json.dumps)
        options["metadata"] = write_lines(tmp_path / "meta.json", metadata, form)
    return AmazonSource(source=source, **options).read()


META_2014 = {
    "asin": "B1",
    "title": "Gel Pen &amp; Ink",
    "description": "It's a <b>pen</b>.",
    "price": 3.5,
    "brand": "Pilot",
    "categories": [["Office", "Pens"], ["Office", "Gel"]],
    "related": {"also_bought": ["B2"]},
}


@pytest.mark.parametrize("form", [repr, json.dumps])
@pytest.mark.parametrize("compress", [False, True])
def test_2014_reviews_and_literal_metadata(tmp_path, form, compress):
    reviews = write_lines(tmp_path / "r.json", [review(), review("U2", "B2", 5, 1)], compress=compress)
    metadata = write_lines(tmp_path / "m.json", [META_2014, {"asin": "B3"}], form, compress)
    raw = AmazonSource(source="amazon-2014", reviews=reviews, metadata=metadata).read()
    assert raw.events.rows() == [("U1", "B1", 1400000000, 5.0), ("U2", "B2", 5, 1.0)]
    assert raw.events.columns == ["user", "item", "time", "rating"]
    assert raw.items.rows() == [
        ("B1", "Gel Pen & Ink", "It's a pen .", "Pilot", "Office, Pens, Gel", 3.5),
        ("B3", None, None, None, None, None),
    ]
    assert raw.text_columns == ("title", "description", "brand", "categories")
    assert not raw.whole_catalog


def test_2018_lists_html_and_garbage_titles(tmp_path):
    metadata = [
        {
            "asin": "B1",
            "title": "<span>Blue &quot;Pen&quot;</span>",
            "description": ["First.", "", "Second<br>line."],
            "category": ["Office", "Pens &amp; Ink"],
            "brand": "Pilot",
            "price": "$1,012.99",
        },
        {"asin": "B2", "title": "var aPageStart = (new Date()).getTime();", "description": [], "price": ""},
        {"asin": "B1", "title": "again"},
    ]
    raw = read(tmp_path, [review()], metadata, "amazon-2018")
    assert raw.items.rows() == [
        ("B1", 'Blue "Pen"', "First. Second line.", "Pilot", "Office, Pens & Ink", 1012.99),
        ("B2", None, None, None, None, None),
    ]
    assert raw.notes == {"repeated catalog rows, the first of each item kept": 1}


def test_2023_parent_items_and_milliseconds(tmp_path):
    reviews = [{"user_id": "U1", "parent_asin": "P1", "asin": "B9", "rating": 4.0, "timestamp": 1588687728923}]
    metadata = [
        {
            "parent_asin": "P1",
            "title": "Pen",
            "features": ["Smooth", "Dry"],
            "description": ["A pen."],
            "store": "Pilot",
            "categories": ["Office", "Pens"],
            "price": None,
        }
    ]
    raw = read(tmp_path, reviews, metadata, "amazon-2023")
    assert raw.events.rows(named=True) == [
        {"user": "U1", "item": "P1", "time": 1588687728, "rating": 4.0, "exact_time": 1588687728923}
    ]
    reviews[0]["rating"] = "4"  # read line by line
    assert read(tmp_path, reviews, metadata, "amazon-2023").events.equals(raw.events)
    assert raw.items.rows() == [("P1", "Pen", "Smooth Dry A pen.", "Pilot", "Office, Pens", None)]


def test_varying_types_are_read_line_by_line(tmp_path):
    raw = read(tmp_path, [review(time="12", rating="4"), review(item=123), review(rating=None)])
    assert raw.events.rows() == [("U1", "B1", 12, 4.0), ("U1", "123", 1400000000, 5.0), ("U1", "B1", 1400000000, None)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"reviewerID": "U", "asin": ', r"line 3: not valid JSON \(.*\): .*; fix or remove the line"),
        ("[1, 2]", r"line 3: not a JSON object but \[1, 2\]"),
        (json.dumps(review(time="soon")), r"line 3: key 'unixReviewTime' is 'soon'; expected a number"),
        (json.dumps(review(time=10**30)), r"line 3: key 'unixReviewTime' is 10{30}; expected a number"),
        (json.dumps(review(time=None)), r"line 3: key 'unixReviewTime' is None"),
        (json.dumps(review(user="")), r"line 3: key 'reviewerID': the user id is empty"),
        (json.dumps({"asin": "B"}), r"line 3: key 'reviewerID': the user id is empty"),
        (json.dumps(review(item="B/1")), r"line 3: key 'asin': the item id 'B/1' has a slash"),
        (json.dumps(review(item="..")), r"line 3: key 'asin': the item id '..' has"),
    ],
)
def test_a_broken_review_is_named_by_file_line_and_key(tmp_path, line, message):
    path = tmp_path / "reviews.json"
    path.write_text(f"{json.dumps(review())}\n\n{line}\n{json.dumps(review())}\n")
    with pytest.raises(DataError, match=r"reviews\.json, " + message):
        AmazonSource(source="amazon-2014", reviews=path).read()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{{}}", r"line 2: neither a Python dictionary nor JSON: \{\{\}\}"),
        ("{'asin': 'B2', 'title': 'cut", r"line 2: neither a Python dictionary nor JSON: \{'asin': 'B2'"),
        ("__import__('os')", r"line 2: neither"),
        ("{'title': 'x'}", r"line 2: key 'asin': the item id is empty"),
        ("{'asin': 'a/b'}", r"line 2: key 'asin': the item id 'a/b' has a slash"),
    ],
)
def test_a_broken_product_is_named_by_file_and_line(tmp_path, line, message):
    write_lines(tmp_path / "reviews.json", [review()])
    (tmp_path / "meta.json").write_text(f"{META_2014!r}\n{line}\n")
    source = AmazonSource(source="amazon-2014", reviews=tmp_path / "reviews.json", metadata=tmp_path / "meta.json")
    with pytest.raises(DataError, match=r"meta\.json, " + message):
        source.read()


def test_an_empty_log_is_an_error(tmp_path):
    for content in ("", "\n\n"):
        (tmp_path / "reviews.json").write_text(content)
        with pytest.raises(DataError, match="the interaction log is empty"):
            AmazonSource(source="amazon-2014", reviews=tmp_path / "reviews.json").read()


def test_images_are_found_by_item(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "B1.png").touch()
    (tmp_path / "images" / "B1.txt").touch()
    raw = read(tmp_path, [review()], [META_2014, {"asin": "B2"}], images=tmp_path / "images")
    assert raw.items["image"].to_list() == [str(tmp_path / "images" / "B1.png"), None]
    assert raw.notes == {"items without an image": 1}
    with pytest.raises(DataError, match="no such folder of images"):
        read(tmp_path, [review()], [META_2014], images=tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no image of any item"):
        read(tmp_path, [review()], [META_2014], images=tmp_path / "empty")
    with pytest.raises(DataError, match="give `metadata` as well"):
        read(tmp_path, [review()], images=tmp_path / "images")
