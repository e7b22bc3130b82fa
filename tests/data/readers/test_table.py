import contextlib
import gzip
import json
from datetime import datetime

import polars as pl
import pytest

from embrec.data.readers.table import TableSource, read_items
from embrec.errors import DataError

EVENTS = pl.DataFrame(
    {"user": ["007", "u2", "007"], "item": ["a", "b", "b"], "timestamp": [30, 20, 10], "rating": [1.0, 2.5, 3.0]}
)
ITEMS = pl.DataFrame(
    {"item": ["b", "a"], "title": ["Pen, blue", 'Ink "x"'], "price": [1.5, None], "also_bought": ["a", "b"]}
)


def write(frame, path):
    name = path.name.removesuffix(".gz")
    if name.endswith(".csv"):
        data = frame.write_csv().encode()
    elif name.endswith(".tsv"):
        data = frame.write_csv(separator="\t").encode()
    elif name.endswith(".jsonl"):
        data = frame.write_ndjson().encode()
    else:
        frame.write_parquet(path)
        return path
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".jsonl", ".jsonl.gz", ".parquet"])
def test_every_format_says_the_same(tmp_path, suffix):
    source = TableSource(
        interactions=write(EVENTS, tmp_path / f"events{suffix}"),
        items=write(ITEMS, tmp_path / f"items{suffix}"),
        context_column=("rating",),
    )
    raw = source.read()
    assert raw.events.rows() == [("007", "a", 30, 1.0), ("u2", "b", 20, 2.5), ("007", "b", 10, 3.0)]
    assert raw.items.rows() == [("b", "Pen, blue", 1.5, "a"), ("a", 'Ink "x"', None, "b")]
    assert raw.text_columns == ("title",)
    assert raw.whole_catalog


def test_columns_can_have_any_names(tmp_path):
    events = EVENTS.rename({"user": "visitor", "item": "sku", "timestamp": "at"})
    items = ITEMS.rename({"item": "id"}).with_columns(item=pl.lit("something else"), note=pl.lit("n"))
    raw = TableSource(
        interactions=write(events, tmp_path / "e.csv"),
        items=write(items, tmp_path / "i.csv"),
        user_column="visitor",
        item_column="sku",
        time_column="at",
        catalog_item_column="id",
        text_column=("note", "title"),
    ).read()
    assert raw.events.columns == ["user", "item", "time"]
    assert raw.items["item"].to_list() == ["b", "a"]
    assert raw.text_columns == ("note", "title")


def test_other_separators_are_told_by_the_header(tmp_path):
    (tmp_path / "e.csv").write_text("user;item;timestamp\nu;a;1\n")
    assert TableSource(interactions=tmp_path / "e.csv").read().events.rows() == [("u", "a", 1)]


def test_numeric_ids_become_text(tmp_path):
    frame = pl.DataFrame({"user": [1, 2], "item": [3.0, 4.0], "timestamp": [1, 2]})
    raw = TableSource(interactions=write(frame, tmp_path / "e.parquet")).read()
    assert raw.events.rows() == [("1", "3", 1), ("2", "4", 2)]


def test_times_below_a_second_and_the_order_column_decide_ties(tmp_path):
    frame = pl.DataFrame(
        {
            "user": ["u"] * 3,
            "item": ["late", "early", "middle"],
            "timestamp": [datetime(2024, 1, 1, 0, 0, 0, ms * 1000) for ms in (900, 100, 500)],
            "position": [2, 0, 1],
            "day": ["2024-01-01"] * 3,
        }
    )
    path = write(frame, tmp_path / "e.parquet")
    raw = TableSource(interactions=path).read()
    assert raw.events["item"].to_list() == ["early", "middle", "late"]
    assert raw.events["time"].n_unique() == 1
    raw = TableSource(interactions=path, time_column="day", order_column="position").read()
    assert raw.events["item"].to_list() == ["early", "middle", "late"]
    raw = TableSource(interactions=path, time_column="position").read()
    assert raw.events["time"].to_list() == [2, 0, 1]
    raw = TableSource(interactions=path, time_column="@row").read()
    assert raw.events["time"].to_list() == [0, 1, 2]


def test_context_columns_are_numbers_or_text(tmp_path):
    frame = EVENTS.with_columns(region=pl.Series(["x", None, "y"]), grade=pl.Series([1, None, 3]))
    raw = TableSource(interactions=write(frame, tmp_path / "e.parquet"), context_column=("region", "grade")).read()
    assert raw.events["region"].to_list() == ["x", "", "y"]
    assert raw.events["grade"].is_nan().to_list() == [False, True, False]


def test_lists_become_text_however_they_are_stored(tmp_path):
    frame = pl.DataFrame(
        {
            "item": ["a", "b"],
            "tags": [["x", "y"], None],
            "categories": ['[["Beauty", "Nails"], ["Beauty"]]', '[["Hair"]]'],
            "lines": ["['An Amazon Brand.']", "['', '']"],
        }
    )
    items = write(frame, tmp_path / "i.parquet")
    raw = TableSource(interactions=write(EVENTS, tmp_path / "e.csv"), items=items).read()
    assert raw.items.rows() == [("a", "x, y", "Beauty, Nails", "An Amazon Brand."), ("b", None, "Hair", None)]


def test_images_by_column_and_by_folder(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").touch()
    events = write(EVENTS, tmp_path / "e.csv")
    items = write(ITEMS.with_columns(picture=pl.Series(["pictures/b.jpg", "pictures/a.jpg"])), tmp_path / "i.csv")
    raw = TableSource(interactions=events, items=items, image_column="picture").read()
    assert raw.items["image"].to_list() == [None, str(tmp_path / "pictures" / "a.jpg")]
    assert raw.notes == {"items without an image": 0, "image files that do not exist": 1}
    assert raw.text_columns == ("title",)
    raw = TableSource(interactions=events, items=items, images=tmp_path / "pictures").read()
    assert raw.items["image"].to_list() == [None, str(tmp_path / "pictures" / "a.jpg")]
    (tmp_path / "pictures" / "a.jpg").unlink()
    with pytest.raises(DataError, match=r"none of the 2 image files of column 'picture' exists; the first is .*b\.jpg"):
        TableSource(interactions=events, items=items, image_column="picture").read()


def test_an_image_column_is_left_out_unless_named_and_a_folder_takes_its_place_in_silence(tmp_path):
    (tmp_path / "a.jpg").touch()
    events = write(EVENTS, tmp_path / "e.csv")
    items = write(ITEMS.with_columns(image=pl.lit("https://shop.example/x.jpg")), tmp_path / "i.csv")
    raw = TableSource(interactions=events, items=items).read()
    assert raw.notes == {"column 'image' of the catalog left out; to use it: `image_column='image'`": 2}
    assert "image" not in raw.items.columns
    raw = TableSource(interactions=events, items=items, images=tmp_path).read()
    assert raw.notes == {"items without an image": 1}


def test_events_without_a_time_are_an_error_or_left_out(tmp_path):
    frame = EVENTS.with_columns(timestamp=pl.Series([1, None, None]))
    path = write(frame, tmp_path / "e.parquet")
    with pytest.raises(
        DataError, match=r"e\.parquet, row 2: column 'timestamp' is empty \(2 such rows\); give another"
    ):
        TableSource(interactions=path).read()
    raw = TableSource(interactions=path, missing_time="drop").read()
    assert raw.events.rows() == [("007", "a", 1)]
    assert raw.notes == {"events without a time, left out": 2}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("e.csv", "user,item,timestamp\nu,a,1\nu,b,soon\n", r"e\.csv, line 3: column 'timestamp' is 'soon'"),
        (
            "e.csv",
            'user,item,timestamp\nu,"a\nb",1\nu,b,2\n',
            r"e\.csv, line 2: the item id 'a\\nb' has a slash or another",
        ),
        (
            "e.csv",
            'user,item,timestamp,x\nu,a,1,"p\nq"\n\nu,b/c,2,y\n',
            r"e\.csv, line 5: the item id 'b/c' has a slash",
        ),
        ("e.csv", "user,item,timestamp\n,a,1\n", r"e\.csv, line 2: the user id is empty"),
        ("e.csv", "user,item,timestamp\nu,a,1\nu\n", r"e\.csv, line 3: the item id is empty"),
        ("e.csv", "user,item,timestamp\nu,a,1,9\n", r"e\.csv, line 2: 4 fields where the header names 3"),
        ("e.csv", "user,item,timestamp\n", "the interaction log is empty"),
        ("e.csv", "", "the file is empty"),
        (
            "e.csv",
            "user,item,when\nu,a,1\n",
            r"no column 'timestamp' and none whose name is common for times; it has: user, item, when; name it with `time_c",
        ),
        ("e.jsonl", "", "the file is empty"),
        ("e.jsonl", '{"user":"u","item":"a","timestamp":1}\n\n{"user":\n', r"e\.jsonl, line 3: not valid JSON"),
        (
            "e.jsonl",
            '{"user":"u","item":"a","timestamp":1}\n\n{"user":"u","item":"a/b","timestamp":1}\n',
            r"line 3: the item",
        ),
        ("e.parquet", "no parquet", "not a readable Parquet file"),
        ("e.xyz", "x", "cannot tell the format from the name"),
    ],
)
def test_malformed_input_is_named_by_place(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message) as error:
        TableSource(interactions=tmp_path / name).read()
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_text_in_another_encoding_is_named_by_line(tmp_path):
    (tmp_path / "e.csv").write_bytes("user,item,timestamp\nu,a,1\nu,é,1\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"e\.csv, line 3: not UTF-8 text"):
        TableSource(interactions=tmp_path / "e.csv").read()


def test_varying_types_in_json_lines_are_accepted(tmp_path):
    rows = [{"user": 1, "item": "a", "timestamp": 1}, {"user": "x", "item": 2, "timestamp": 2}]
    (tmp_path / "e.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert TableSource(interactions=tmp_path / "e.jsonl").read().events.rows() == [("1", "a", 1), ("x", "2", 2)]


def test_options_of_items_need_items(tmp_path):
    with pytest.raises(DataError, match="give `items` as well"):
        TableSource(interactions=write(EVENTS, tmp_path / "e.csv"), text_column=("title",)).read()
    with pytest.raises(DataError, match=r"no column 'titel' \(given by `text_column`\); it has: item, title, price"):
        TableSource(
            interactions=write(EVENTS, tmp_path / "e.csv"),
            items=write(ITEMS, tmp_path / "i.csv"),
            text_column=("titel",),
        ).read()


def test_new_items_are_read_as_the_catalog_is(tmp_path):
    (tmp_path / "a.jpg").touch()
    path = write(ITEMS.with_columns(image=pl.Series(["a.jpg", None])), tmp_path / "new.jsonl")
    catalog = read_items(path, image_column="image")
    assert catalog.item_ids.tolist() == ["b", "a"]
    assert catalog.text_columns == ("title",)
    assert [path and path.name for path in catalog.image_paths()] == ["a.jpg", None]
    assert read_items(path).image_paths() == [None, None]
    path = write(ITEMS.rename({"item": "sku"}), tmp_path / "new.csv")
    assert read_items(path, item_column="sku", text_column=["sku", "title"]).texts() == ["b Pen, blue", 'a Ink "x"']


def test_new_items_that_are_none_or_stand_twice_are_an_error(tmp_path):
    path = write(pl.concat([ITEMS, ITEMS[1:]]), tmp_path / "new.csv")
    with pytest.raises(DataError, match=r"new\.csv, line 4: item 'a' is in the table more than once"):
        read_items(path)
    with pytest.raises(DataError, match=r"no column 'sku' \(given by `item_column`\)"):
        read_items(path, item_column="sku")
    (tmp_path / "none.csv").write_text("item,title\n")
    with pytest.raises(DataError, match="the table has no items"):
        read_items(tmp_path / "none.csv")


def test_a_damaged_parquet_file_raises_nothing_but_a_data_error(tmp_path):
    whole = write(EVENTS, tmp_path / "e.parquet").read_bytes()
    for start in range(4, len(whole) - 20, 23):
        damaged = bytearray(whole)
        damaged[start : start + 12] = b"\xff" * 12
        (tmp_path / "e.parquet").write_bytes(bytes(damaged))
        with contextlib.suppress(DataError):  # bytes of values may be damaged without a trace
            TableSource(interactions=tmp_path / "e.parquet").read()
