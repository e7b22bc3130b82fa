import json
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from embrec.data.importing import make_source
from embrec.data.readers.frames import as_frame, content_fingerprint, is_frame, open_table
from embrec.data.readers.table import TableSource, read_items
from embrec.errors import DataError

ROWS = [{"item": "0108", "price": 1.5}, {"item": "7", "price": None}]


@pytest.mark.parametrize(
    "value",
    [
        pl.DataFrame(ROWS),
        pl.LazyFrame(ROWS),
        pd.DataFrame(ROWS),
        pa.Table.from_pylist(ROWS),
        ROWS,
        tuple(ROWS),
        {"item": ["0108", "7"], "price": [1.5, None]},
    ],
    ids=["polars", "lazy", "pandas", "arrow", "list", "tuple", "columns"],
)
def test_every_kind_of_table_in_memory_reads_alike(value):
    assert is_frame(value)
    assert as_frame(value, "the items").to_dicts() == ROWS


def test_a_key_that_only_a_late_row_has_is_a_column():
    rows = [{"item": str(place)} for place in range(300)] + [{"item": "last", "title": "lamp"}]
    assert as_frame(rows, "the items")["title"].to_list()[-1] == "lamp"


@pytest.mark.parametrize("value", [7, ["a", "b"], object(), {"a": [1], "b": [1, 2]}])
def test_what_is_no_table_is_refused_in_one_line(value):
    with pytest.raises(DataError, match=r"^the items: ") as caught:
        as_frame(value, "the items")
    assert "\n" not in str(caught.value)


def test_a_pandas_column_of_numbers_and_texts_holds_texts():
    frame = pd.DataFrame({"item": [108, "a7", None], "title": ["x", "y", "z"]})
    assert as_frame(frame, "the items").to_dict(as_series=False) == {
        "item": ["108", "a7", None],
        "title": ["x", "y", "z"],
    }
    with pytest.raises(DataError, match=r"^the items: not readable as a table"):
        as_frame(pd.DataFrame({"item": [108, object()]}), "the items")


@pytest.mark.parametrize("form", ["rows", "pandas", "objects", "arrow", "parquet"])
def test_uuids_are_ids_as_people_write_them(tmp_path, form):
    ids = [UUID(int=2**127 + place) for place in range(2)]
    log = {"user": ids, "item": ["a", "b"], "timestamp": [1, 2]}
    column = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([one.bytes for one in ids], pa.binary(16)))
    arrow = pa.table({**log, "user": column})
    parquet.write_table(arrow, tmp_path / "log.parquet")
    forms = {
        "rows": [dict(zip(log, row, strict=True)) for row in zip(*log.values(), strict=True)],
        "pandas": pd.DataFrame(log),
        "objects": pl.DataFrame({**log, "user": pl.Series(ids, dtype=pl.Object)}),
        "arrow": arrow,
        "parquet": tmp_path / "log.parquet",
    }
    assert TableSource(interactions=forms[form]).read().events["user"].to_list() == list(map(str, ids))


def test_types_of_single_programs_are_what_they_hold():
    frame = pd.DataFrame({"at": pd.period_range("2024-05", periods=2, freq="M"), "part": pd.interval_range(0, 2)})
    frame = as_frame(frame, "the items")
    assert frame["at"].to_list() == [datetime(2024, 5, 1), datetime(2024, 6, 1)]
    assert frame["part"].to_list() == [{"left": 0, "right": 1}, {"left": 1, "right": 2}]
    assert content_fingerprint(frame) != content_fingerprint(frame[:1])


def test_what_is_nested_in_some_rows_is_text_as_in_a_file(tmp_path):
    rows = [
        {"item": "a", "spec": {"w": 1}},
        {"item": "b", "spec": "wide"},
        {"item": "c"},
        {"item": "d", "spec": ["x", "y"]},
    ]
    catalog = read_items(rows)
    assert catalog.texts() == ['{"w": 1}', "wide", "", "x, y"]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_items(tmp_path / "items.jsonl").texts() == catalog.texts()


@pytest.mark.parametrize("kind", [pl.DataFrame, pd.DataFrame, list])
def test_a_source_is_made_of_tables_in_memory(kind):
    log = kind([{"user": "u", "item": "0108", "timestamp": 1}])
    assert make_source(None, {"interactions": log, "items": kind(ROWS)}).read().events.rows() == [("u", "0108", 1)]


def test_paths_are_no_tables():
    assert not is_frame("log.csv")


EVERYTHING = {
    "text": ["a", None, "é"],
    "whole": [1, None, 3],
    "float": [1.5, None, float("nan")],
    "truth": [True, None, False],
    "day": [date(2024, 5, 31), None, date(2024, 6, 1)],
    "moment": [datetime(2024, 5, 31, tzinfo=UTC), None, datetime(2024, 6, 1, tzinfo=UTC)],
    "decimal": [Decimal("1.5"), None, Decimal("2")],
    "list": [["a"], None, []],
    "nested": [{"a": 1}, None, {"a": 2}],
    "bytes": [b"a", None, b"b"],
    "nothing": [None, None, None],
}


def test_equal_tables_have_equal_fingerprints_however_they_lie_in_memory():
    frame = pl.DataFrame(EVERYTHING)
    again = pl.concat([frame[:1], frame[1:]], rechunk=False)
    assert content_fingerprint(again) == content_fingerprint(frame)
    filled = pl.DataFrame({"whole": [1, 2, 3], "hole": [True, False, True]})
    emptied = filled.select(
        pl.when("hole").then("whole").alias("whole")
    )  # what lies under an absent value does not count
    assert content_fingerprint(emptied) == content_fingerprint(pl.DataFrame({"whole": [1, None, 3]}))


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_table_with_another_value_has_another_fingerprint(name):
    frame = pl.DataFrame({name: EVERYTHING[name]})
    assert content_fingerprint(frame.reverse()) != content_fingerprint(frame) or name == "nothing"
    assert content_fingerprint(frame[:2]) != content_fingerprint(frame)
    assert content_fingerprint(frame.rename({name: "other"})) != content_fingerprint(frame)


def test_texts_that_only_run_together_alike_are_told_apart():
    assert content_fingerprint(pl.DataFrame({"a": ["ab", "c"]})) != content_fingerprint(
        pl.DataFrame({"a": ["a", "bc"]})
    )
    assert content_fingerprint(pl.DataFrame({"a": ["", None]})) != content_fingerprint(pl.DataFrame({"a": [None, ""]}))


def test_a_row_of_a_table_in_memory_is_named_by_what_the_table_is():
    table = open_table(ROWS, "the items", ())
    assert table.where(1) == "the items, row 2"
    log = pl.DataFrame({"user": ["u", "u"], "item": ["a", None], "timestamp": [1, 2]})
    with pytest.raises(DataError, match=r"^the interactions, row 2: the item id is empty"):
        TableSource(interactions=log).read()
    with pytest.raises(DataError, match=r"^the items, row 2: item 'a' is in the table more than once"):
        read_items([{"item": "a"}, {"item": "a"}])
    with pytest.raises(DataError, match=r"^the items: a value of type int is not a table"):
        TableSource(interactions=log, items=7)
    with pytest.raises(DataError, match=r"^the items: the table has no items"):
        read_items([])


def test_tables_in_memory_read_as_their_files_do(tmp_path):
    log = pd.DataFrame(
        {"customer_id": ["007", "8"], "article_id": ["0108", "7"], "t_dat": ["2024-05-31", "2024-06-01"]}
    )
    items = [{"article_id": "0108", "prod_name": "Lamp"}, {"article_id": "7", "prod_name": "Chair"}]
    log.to_csv(tmp_path / "log.csv", index=False)
    pl.DataFrame(items).write_ndjson(tmp_path / "items.jsonl")
    here = TableSource(interactions=log, items=items).read()
    there = TableSource(interactions=tmp_path / "log.csv", items=tmp_path / "items.jsonl").read()
    assert here.events.equals(there.events)
    assert here.items.equals(there.items)
    assert (here.remarks, here.text_columns) == (there.remarks, there.text_columns)
    assert read_items(items).frame.equals(here.items)


def test_images_of_a_table_in_memory_lie_beside_the_program(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").touch()
    monkeypatch.chdir(tmp_path)
    catalog = read_items([{"item": "a", "title": "x", "image": "a.jpg"}], image_column="image")
    assert catalog.image_paths() == [tmp_path / "a.jpg"]


def test_a_column_of_lists_and_texts_in_memory_is_that_of_json_lines(tmp_path):
    rows = [{"item": "a", "tags": ["red", "oak"]}, {"item": "b", "tags": "red, oak"}, {"item": "c", "tags": None}]
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = read_items(rows)
    assert found.frame["tags"].to_list() == ["red, oak", "red, oak", None]
    assert found.frame.equals(read_items(tmp_path / "items.jsonl").frame)


def test_nothing_is_no_table():
    with pytest.raises(DataError, match="a value of type NoneType is not a table"):
        open_table(None, "the items", ())


def test_one_name_of_a_column_may_stand_alone():
    source = TableSource(interactions=[{"user": "u", "item": "a", "time": 1}], text_column="title", context_column="x")
    assert (source.text_column, source.context_column) == (("title",), ("x",))
    assert read_items([{"item": "a", "title": "red", "brand": "x"}], text_column="title").text_columns == ("title",)
