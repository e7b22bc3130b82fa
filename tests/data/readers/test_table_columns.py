"""Columns with unusual names, types and values: nothing is dropped silently, and nothing ends in a traceback."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import polars as pl
import pytest

from embrec.data.preparation import PRESETS, prepare
from embrec.data.readers.frames import content_fingerprint
from embrec.data.readers.table import TableSource, read_items
from embrec.errors import DataError

LOG = pl.DataFrame(
    {
        "cust": ["u1", "u1", "u2"],
        "sku": ["a", "b", "a"],
        "stamp": [1, 2, 3],
        "time": ["noon", "night", None],
        "user": ["web", "app", "web"],
        "item": [1.5, None, 2.5],
        "exact_time": ["x", "y", "z"],
        "__row": [7, 8, 9],
        "context.time": [1, 2, 3],
    }
)
ROLES = {"user_column": "cust", "item_column": "sku", "time_column": "stamp"}


def test_context_columns_keep_their_names_whatever_they_are_called(tmp_path):
    LOG.write_parquet(tmp_path / "log.parquet")
    names = ("time", "user", "item", "exact_time", "__row", "context.time", "time")
    raw = TableSource(interactions=tmp_path / "log.parquet", context_column=names, **ROLES).read()
    dataset, _ = prepare(raw, PRESETS["none"])
    context = dataset.interactions.context
    assert list(context) == list(dict.fromkeys(names))
    assert context["time"].tolist() == ["noon", "night", ""]
    assert context["user"].tolist() == ["web", "app", "web"]
    assert context["__row"].tolist() == [7, 8, 9]
    assert context["context.time"].tolist() == [1, 2, 3]
    assert context["exact_time"].tolist() == ["x", "y", "z"]
    assert dataset.interactions.time.tolist() == [1, 2, 3]


def test_a_column_may_be_role_and_context():
    raw = TableSource(interactions=LOG, context_column=("stamp",), **ROLES).read()
    assert raw.events["stamp"].to_list() == [1, 2, 3]


def test_a_context_column_in_decimal_commas_is_numbers():
    log = LOG.with_columns(price=pl.Series(["9,99", "5", ""]))
    raw = TableSource(interactions=log, context_column=("price",), **ROLES).read()
    assert raw.events["price"].to_list()[:2] == [9.99, 5]
    assert raw.remarks == ["column 'price' is read as numbers: '9,99' as 9.99"]


@pytest.mark.parametrize("values", [[b"x", b"y", None], [timedelta(1), None, None]])
def test_a_context_column_that_is_neither_numbers_nor_texts_is_an_error(values):
    with pytest.raises(
        DataError, match=r"^the interactions, row 1: column 'odd' has the type .*; a context column holds numbers"
    ):
        TableSource(interactions=LOG.with_columns(odd=pl.Series(values)), context_column=("odd",), **ROLES).read()


def test_a_context_column_of_decimals_is_numbers():
    log = LOG.with_columns(price=pl.Series([Decimal("9.99"), None, Decimal("1")]))
    raw = TableSource(interactions=log, context_column=("price",), **ROLES).read()
    assert raw.events["price"].to_list()[::2] == [9.99, 1]


def test_one_column_cannot_be_two_things():
    with pytest.raises(
        DataError, match=r"^the interactions: column 'cust' cannot be both `user_column` and `item_column`"
    ):
        TableSource(interactions=LOG, user_column="cust", item_column="cust", time_column="stamp").read()
    items = pl.DataFrame({"sku": ["a", "b"], "title": ["x", "y"]})
    with pytest.raises(DataError, match=r"column 'title' cannot be both `image_column` and `text_column`"):
        read_items(items, image_column="title", text_column=["title"])
    with pytest.raises(DataError, match=r"column 'sku' cannot be both `item_column` and `image_column`"):
        read_items(items, image_column="sku")


def test_a_column_item_beside_the_ids_is_kept_under_another_name():
    items = pl.DataFrame({"sku": ["a", "b"], "item": ["red lamp", "blue lamp"], "catalog.item": ["x y", "z"]})
    raw = TableSource(interactions=LOG, items=items, **ROLES).read()
    assert raw.items["item"].to_list() == ["a", "b"]
    assert raw.items["catalog.item_"].to_list() == ["red lamp", "blue lamp"]
    assert raw.text_columns == ("catalog.item_", "catalog.item")
    assert "column 'item' of the catalog is kept as 'catalog.item_', because 'sku' has this role" in raw.remarks
    raw = TableSource(interactions=LOG, items=items, text_column=("item", "sku"), title_column="item", **ROLES).read()
    assert raw.text_columns == ("catalog.item_", "item")
    assert raw.title_column == "catalog.item_"


def test_a_column_image_beside_that_of_the_images_is_kept_under_another_name(tmp_path):
    (tmp_path / "a.jpg").touch()
    items = pl.DataFrame({"sku": ["a", "b"], "image": ["a photo", "a drawing"], "picture": ["a.jpg", None]})
    items.write_parquet(tmp_path / "items.parquet")
    catalog = read_items(tmp_path / "items.parquet", image_column="picture")
    assert catalog.image_paths() == [tmp_path / "a.jpg", None]
    assert catalog.frame["catalog.image"].to_list() == ["a photo", "a drawing"]


def test_the_catalog_may_call_the_ids_otherwise_than_the_log():
    log = pl.DataFrame({"userId": ["u", "v"], "movieId": [1, 2], "timestamp": [1, 2]})
    for name, said in (
        ("movieId", []),
        ("movie_id", ["catalog item column: movie_id"]),
        ("id", ["catalog item column: id"]),
    ):
        items = pl.DataFrame({name: [1, 2], "title": ["Heat", "Alien"]})
        raw = TableSource(interactions=log, items=items).read()
        assert raw.items.rows() == [("1", "Heat"), ("2", "Alien")]
        assert raw.remarks == ["item column: movieId", "user column: userId", *said]
    with pytest.raises(DataError, match=r"^the items have no column 'item' and none whose name is common"):
        TableSource(interactions=log, items=pl.DataFrame({"key": [1], "title": ["x"]})).read()


def test_a_header_that_names_a_column_twice_is_refused(tmp_path):
    (tmp_path / "log.csv").write_text("user,item,timestamp,item\nu,a,1,b\n")
    with pytest.raises(DataError, match=r"log\.csv: the header names the column 'item' more than once"):
        TableSource(interactions=tmp_path / "log.csv").read()
    (tmp_path / "log.csv").write_text("user,item,timestamp,,\nu,a,1,,\n")  # a spreadsheet's empty columns
    assert TableSource(interactions=tmp_path / "log.csv").read().events.rows() == [("u", "a", 1)]


def test_columns_that_differ_by_case_are_two():
    log = pl.DataFrame({"user": ["u"], "User": ["x"], "item": ["a"], "timestamp": [1]})
    assert TableSource(interactions=log, context_column=("User",)).read().events.rows() == [("u", "a", 1, "x")]


def test_repeats_are_told_by_the_exact_time():
    moments = pl.Series([1_600_000_000_100, 1_600_000_000_900, 1_600_000_000_100])
    log = pl.DataFrame({"user": ["u"] * 3, "item": ["a", "a", "a"], "timestamp": moments})
    raw = TableSource(interactions=log).read()
    dataset, report = prepare(raw, PRESETS["none"])
    assert dataset.interactions.time.tolist() == [1_600_000_000] * 2
    assert report.dropped == {"repeats of the same user, item and time": 1}
    assert report.ties == 0
    assert report.remarks == [
        "column 'timestamp': the times are read as milliseconds, in which all of them are plausible; time unit: ms"
    ]


def test_ids_that_do_not_match_end_the_import_or_are_a_warning():
    log = pl.DataFrame({"user": ["u"] * 4, "item": ["1", "2", "3", "4"], "timestamp": [1, 2, 3, 4]})

    def report(items):
        raw = TableSource(interactions=log, items=pl.DataFrame({"item": items, "title": "x"})).read()
        return prepare(raw, PRESETS["none"])[1]

    with pytest.raises(DataError, match=r"'1' in the log, '01' in the catalog: leading zeros were lost on one side"):
        report(["01", "02", "03", "04"])
    assert report(["1", "2"]).warnings == []
    assert "3 more would be" in report(["1", "02", "03", "04"]).warnings[0]


def test_images_whose_names_lost_their_zeros_are_noticed(tmp_path):
    items = pl.DataFrame({"item": ["0108", "0109"], "title": ["x", "y"]})
    (tmp_path / "108.jpg").touch()
    with pytest.raises(
        DataError, match=r"has no image of any item; .* \(a file is named '108' where an item is '0108': leading"
    ):
        read_items(items, images=tmp_path)
    (tmp_path / "0109.jpg").touch()
    remarks = []
    read_items(items, images=tmp_path, remarks=remarks)
    assert "1 images of" in remarks[0]
    assert "'108' where an item is '0108': leading zeros were lost" in remarks[0]


def test_links_to_images_are_not_fetched_and_that_is_said(tmp_path):
    (tmp_path / "a.jpg").touch()
    items = pl.DataFrame({"item": ["a", "b"], "title": ["x", "y"], "picture": ["https://a.example/a.jpg"] * 2})
    with pytest.raises(
        DataError, match=r"column 'picture' holds links such as https://a\.example/a\.jpg, which are not fetched"
    ):
        read_items(items, image_column="picture")
    items = items.with_columns(picture=pl.Series([str(tmp_path / "a.jpg"), "http://a.example/b.jpg"]))
    raw = TableSource(
        interactions=pl.DataFrame({"user": ["u"], "item": ["a"], "timestamp": [1]}), items=items, image_column="picture"
    ).read()
    assert raw.notes["links to images, which are not fetched"] == 1
    assert raw.items["image"].to_list() == [str(tmp_path / "a.jpg"), None]
    names = [f"~nobody-{'x' * 40}/a.jpg", "long " * 200]
    with pytest.raises(DataError, match=r"none of the 2 image files of column 'picture' exists"):
        read_items(items.with_columns(picture=pl.Series(names)), image_column="picture")
    with pytest.raises(DataError, match=r"column 'picture' has the type Int64; expected paths of image files"):
        read_items(items.with_columns(picture=pl.lit(1, dtype=pl.Int64)), image_column="picture")


def test_a_missing_float_id_is_named_by_its_row(tmp_path):
    pl.DataFrame({"user": [1.0, 2.0], "item": [7.0, float("nan")], "timestamp": [1, 2]}).write_parquet(
        tmp_path / "e.parquet"
    )
    with pytest.raises(DataError, match=r"e\.parquet, row 2: the item id is empty"):
        TableSource(interactions=tmp_path / "e.parquet").read()


TYPES = {
    "texts": pl.Series(["a", None, " "]),
    "whole": pl.Series([1, None, 3]),
    "float": pl.Series([1.5, float("nan"), float("inf")]),
    "truth": pl.Series([True, False, None]),
    "day": pl.Series([date(2020, 1, 1)] * 3),
    "moment": pl.Series([datetime(2020, 1, 1, 1, 1, 1, 5)] * 3),
    "zoned": pl.Series([datetime(2020, 1, 1, tzinfo=UTC)] * 3),
    "nanoseconds": pl.Series([1, 2, 3]).cast(pl.Datetime("ns")),
    "duration": pl.Series([timedelta(1)] * 3),
    "clock": pl.Series([time(1)] * 3),
    "decimal": pl.Series([Decimal("1.5"), None, Decimal("2")]),
    "bytes": pl.Series([b"a", b"\xff", None]),
    "lists": pl.Series([["a"], [], None]),
    "numbers": pl.Series([[1], [2, 3], None]),
    "objects": pl.Series([[{"a": 1}], [], None]),
    "nested": pl.Series([{"a": 1}, None, {"a": 2}]),
    "bytes in lists": pl.Series([[b"\xff"], [], None]),
    "lists in lists": pl.Series([[["a"], ["b"]], None, []]),
    "arrays": pl.Series([[1, 2], [3, 4], [5, 6]], dtype=pl.Array(pl.Int64, 2)),
    "unsigned": pl.Series([2**64 - 1, 1, 2], dtype=pl.UInt64),
    "wide": pl.Series([2**70, 1, 2], dtype=pl.Int128),
    "categories": pl.Series(["a", "b", "a"], dtype=pl.Categorical),
    "enum": pl.Series(["a", "b", "a"], dtype=pl.Enum(["a", "b"])),
    "nothing": pl.Series([None] * 3),
    "anything": pl.Series([object(), object(), object()], dtype=pl.Object),
    "odd": pl.Series(['{"a": 1}', "[1]", "\x00"]),
}


@pytest.mark.parametrize("name", TYPES)
def test_a_column_of_any_type_is_read_or_refused_in_one_line(name):
    values = TYPES[name].alias("x")
    log = pl.DataFrame({"user": ["u", "u", "v"], "item": ["a", "b", "a"], "timestamp": [1, 2, 3]})
    items = pl.DataFrame({"item": ["a", "b", "c"], "title": ["x y", "z", None]}).with_columns(values)
    logs = [
        {"user_column": "x"},
        {"item_column": "x"},
        {"time_column": "x"},
        {"order_column": "x"},
        {"context_column": ("x",)},
    ]
    catalogs = [{}, {"text_column": ("x",)}, {"title_column": "x"}, {"image_column": "x"}, {"catalog_item_column": "x"}]
    refusals = []
    for options in logs:
        try:
            prepare(
                TableSource(interactions=log.with_columns(values), missing_time="drop", **options).read(),
                PRESETS["none"],
            )
        except DataError as error:
            refusals.append(str(error))
    for options in catalogs:
        try:
            catalog = prepare(TableSource(interactions=log, items=items, **options).read(), PRESETS["none"])[0].catalog
            assert (
                len(catalog.fingerprints) == len(catalog.texts()) == len(catalog.titles()) == len(catalog.image_paths())
            )
        except DataError as error:
            refusals.append(str(error))
    assert not [message for message in refusals if "\n" in message]
    assert len(refusals) < len(logs) + len(catalogs)  # at least a catalog can hold it, or say that it leaves it out
    assert content_fingerprint(items) == content_fingerprint(items.clone())


@pytest.mark.parametrize("options", [{"text_column": ("image",)}, {"title_column": "image"}])
def test_the_column_of_pictures_is_no_text(options):
    items = [{"item": "a", "title": "lamp", "image": "a.jpg"}]
    name = "`text_column`" if "text_column" in options else "`title_column`"
    with pytest.raises(DataError, match=f"^the items: column 'image' is not text .given by {name}.: a catalog keeps"):
        read_items(items, **options)


@pytest.mark.parametrize(
    ("lists", "times"),
    [
        (["[1, 2, 3]", "[4, 2]"], ["[7, 8, 9]", "[5, 6]"]),
        (["['1', '2', '3']", '["4", "2"]'], ["[7 8 9]", "[5\n 6]"]),
    ],
)
def test_lists_that_a_file_holds_as_texts_are_histories(tmp_path, lists, times):
    pl.DataFrame({"user": ["u", "v"], "items": lists, "time": times}).write_csv(tmp_path / "log.csv")
    raw = TableSource(interactions=tmp_path / "log.csv").read()
    assert raw.events.rows() == [("u", "1", 7), ("u", "2", 8), ("u", "3", 9), ("v", "4", 5), ("v", "2", 6)]
    same = pl.DataFrame({"user": ["u", "v"], "items": [["1", "2", "3"], ["4", "2"]], "time": [[7, 8, 9], [5, 6]]})
    assert TableSource(interactions=same).read().events.equals(raw.events)
    pl.DataFrame({"user": ["u", "v"], "items": [*lists[:1], None], "time": times}).write_csv(tmp_path / "log.csv")
    with pytest.raises(DataError, match=r"log.csv, line 3: 0 items in column 'items', but 2 values in column 'time'"):
        TableSource(interactions=tmp_path / "log.csv").read()


@pytest.mark.parametrize("separator", [" ", ",", ", ", ";", "|"])
def test_several_ids_in_one_text_are_no_item(separator):
    log = {"user": ["u", "v", "w"], "items": [separator.join(ids) for ids in ("123", "421", "13")], "time": [1, 2, 3]}
    with pytest.raises(
        DataError, match=r"row 1: column 'items' holds several ids in one text, '1.*3', and no user has a"
    ):
        TableSource(interactions=log).read()
    named = {**log, "items": ["red lamp", "red lamp", "blue lamp"]}
    assert len(TableSource(interactions=named).read().events) == 3
    assert len(TableSource(interactions={**log, "user": ["u", "v", "u"]}).read().events) == 3


@pytest.mark.parametrize("values", [[b"\xff", b"x"], [object(), object()]])
def test_a_text_that_can_be_none_is_named(values):
    dtype = pl.Binary if isinstance(values[0], bytes) else pl.Object
    items = pl.DataFrame({"item": ["a", "b"], "n": pl.Series(values, dtype=dtype)})
    for options in ({"text_column": ("n",)}, {"title_column": "n"}):
        with pytest.raises(DataError, match=rf"^the items: column 'n' holds {dtype}, which cannot be read as text"):
            read_items(items, **options)
