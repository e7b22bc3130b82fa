import bz2
import contextlib
import gzip
import io
import lzma
import pickle
import sqlite3
import zipfile
from datetime import UTC, datetime

import polars as pl
import pyarrow
import pyarrow.feather
import pytest
from support.spreadsheets import write_xlsx

from embrec.data.readers import workbooks
from embrec.data.readers.table import TableSource, read_items
from embrec.errors import DataError, MissingExtraError

CSV = b"user,item,timestamp\n007,a,30\nu2,b,20\n007,b,10\n"
ROWS = [("007", "a", 30), ("u2", "b", 20), ("007", "b", 10)]
FRAME = pl.DataFrame({"user": ["007", "u2", "007"], "item": ["a", "b", "b"], "timestamp": [30, 20, 10]})


def zipped(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return stream.getvalue()


def zstandard(data):
    stream = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(stream, "zstd") as packed:
        packed.write(data)
    return stream.getvalue().to_pybytes()


def rows(path, **options):
    names = ("user", "item", "time", *options.get("context_column", ()))
    return TableSource(interactions=path, **options).read().events.select(names).rows()


def problem(path, **options):
    with pytest.raises(DataError) as error:
        TableSource(interactions=path, **options).read()
    assert "\n" not in str(error.value)
    return str(error.value)


PACKED = {
    ".csv.gz": gzip.compress,
    ".csv.bz2": bz2.compress,
    ".csv.xz": lzma.compress,
    ".csv.zst": zstandard,
    ".zip": lambda data: zipped(events__csv=data),
    ".csv.zip": lambda data: zipped(events__csv=data, readme__txt=b"words"),
}


@pytest.mark.parametrize("suffix", PACKED)
def test_packed_tables_are_read_as_they_are_unpacked(tmp_path, suffix):
    path = tmp_path / f"e{suffix}"
    path.write_bytes(PACKED[suffix](CSV))
    assert rows(path) == ROWS
    path.write_bytes(PACKED[suffix](CSV.replace(b"u2,b,20", b"u2,b,noon")))
    assert "line 3: column 'timestamp' is 'noon'" in problem(path)


@pytest.mark.parametrize("suffix", PACKED)
def test_a_packed_table_that_is_cut_off_or_damaged_is_one_line(tmp_path, suffix):
    lines = b"".join(b"u%d,i%d,%d\n" % (n * n, n % 97, n * 7919) for n in range(5000))
    data = PACKED[suffix](b"user,item,timestamp\n" + lines)
    path = tmp_path / f"e{suffix}"
    path.write_bytes(data[: len(data) // 2])
    assert "copy or download it again" in problem(path)
    for place in (len(data) // 2, len(data) - 30):
        damaged = bytearray(data)
        damaged[place : place + 8] = b"\x55" * 8
        path.write_bytes(bytes(damaged))
        with contextlib.suppress(DataError):  # not every form has a checksum, but nothing else may come out
            rows(path)


def test_one_of_several_tables_in_an_archive_is_named(tmp_path):
    path = tmp_path / "shop.zip"
    path.write_bytes(zipped(events__csv=CSV, items__csv=b"item,title\na,Pen\n"))
    assert "holds 2 tables (events.csv, items.csv); name one, such as" in problem(path)
    assert "shop.zip::events.csv" in problem(path)
    raw = TableSource(interactions=f"{path}::events.csv", items=f"{path}::items.csv").read()
    assert raw.events.rows() == ROWS
    assert raw.items.rows() == [("a", "Pen")]
    assert "has no file 'event.csv'; did you mean 'events.csv'? it has:" in problem(f"{path}::event.csv")
    assert TableSource(interactions=f"{path}::events.csv").files() == [path]
    path.write_bytes(zipped(readme__md=b"x", other__md=b"y"))
    assert "holds no table (readme.md, other.md)" in problem(path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32", "utf-8-sig"])
def test_text_of_any_unicode_form_is_told_by_its_mark(tmp_path, encoding):
    path = tmp_path / "e.csv"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path.write_bytes((mark + CSV.decode().replace("u2", "Zoë")).encode(encoding))
    assert rows(path)[1] == ("Zoë", "b", 20)
    path = tmp_path / "e.jsonl"
    path.write_bytes((mark + FRAME.write_ndjson()).encode(encoding))
    assert rows(path) == ROWS


def test_wide_text_without_a_mark_or_cut_off_is_one_line(tmp_path):
    path = tmp_path / "e.csv"
    path.write_bytes(CSV.decode().encode("utf-16-le"))
    assert "it has zero bytes, as in UTF-16); save it as UTF-8" in problem(path)
    path.write_bytes(CSV.decode().encode("utf-16")[:-1])
    assert "not readable as text" in problem(path)


def test_json_is_lines_or_one_list(tmp_path):
    path = tmp_path / "e.json"
    path.write_text(FRAME.write_json())
    assert rows(path) == ROWS
    path.write_text('[{"user": 1, "item": "a", "timestamp": 1},\n {"user": "x", "item": 2, "timestamp": 2}]')
    assert rows(path) == [("1", "a", 1), ("x", "2", 2)]
    path.write_text('[{"user": "u", "item": "a", "timestamp": 1},\n {"user": "u", "item": "a/b", "timestamp": 2}]')
    assert "e.json, entry 2: the item id 'a/b' has a slash" in problem(path)
    path.write_text('[{"user": "u"},\n {"user": ]')
    assert "e.json, line 2: not valid JSON" in problem(path)
    path.write_text("[1, 2]")
    assert "e.json, entry 1: not a JSON object" in problem(path)
    path.write_text("[]")
    assert "the list is empty" in problem(path)


@pytest.mark.parametrize("suffix", [".arrow", ".feather", ".ipc"])
@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_arrow_files(tmp_path, suffix, compression):
    path = tmp_path / f"e{suffix}"
    FRAME.write_ipc(path, compression=compression)
    assert rows(path) == ROWS
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "not a readable Arrow file" in problem(path)


def test_arrow_streams_and_packed_parquet(tmp_path):
    FRAME.write_ipc_stream(tmp_path / "e.arrow")
    assert rows(tmp_path / "e.arrow") == ROWS
    stream = io.BytesIO()
    FRAME.write_parquet(stream)
    (tmp_path / "e.parquet.gz").write_bytes(gzip.compress(stream.getvalue()))
    assert rows(tmp_path / "e.parquet.gz") == ROWS
    (tmp_path / "e.zip").write_bytes(zipped(log__parquet=stream.getvalue()))
    assert rows(tmp_path / "e.zip") == ROWS


def test_excel_sheets(tmp_path):
    pytest.importorskip("fastexcel", reason="needs the extra 'formats'")
    cells = [["user", "item", "timestamp"], ["007", "a", 30], [None, None, None], [8, "b", 20]]
    path = write_xlsx(tmp_path / "e.xlsx", {"log": cells, "notes": []})
    assert rows(path) == [("007", "a", 30), ("8", "b", 20)]
    cells[3][1] = "b/c"
    write_xlsx(path, {"log": cells})
    assert "e.xlsx, row 4: the item id 'b/c' has a slash" in problem(path)
    write_xlsx(path, {"log": cells[:2], "items": [["item", "title"], ["a", "Pen"]]})
    assert "has 2 sheets (log, items); name one, such as" in problem(path)
    raw = TableSource(interactions=f"{path}::log", items=f"{path}::items").read()
    assert (raw.events.rows(), raw.items.rows()) == ([("007", "a", 30)], [("a", "Pen")])
    assert "has no sheet 'logs'; did you mean 'log'?" in problem(f"{path}::logs")
    write_xlsx(tmp_path / "e", {"log": cells[:2]})  # a name that says nothing
    assert "an Excel file by its contents; name it .xlsx" in problem(tmp_path / "e")
    path.write_bytes(path.read_bytes()[:300])
    assert "not a readable Excel file" in problem(path)


def test_long_ids_in_a_sheet_have_lost_digits_and_are_refused(tmp_path):
    pytest.importorskip("fastexcel", reason="needs the extra 'formats'")
    cells = [["user", "item", "timestamp"], ["u", 123456789012345678, 30], ["u", 9007199254740992, 31]]
    assert "row 2: the item id is 1.2345678901234568e+17, a floating-point" in problem(
        write_xlsx(tmp_path / "e.xlsx", {"log": cells})
    )
    del cells[1]
    assert rows(write_xlsx(tmp_path / "e.xlsx", {"log": cells})) == [("u", "9007199254740992", 31)]


def test_what_stands_above_the_names_of_columns_is_told(tmp_path, capfd, caplog):
    pytest.importorskip("fastexcel", reason="needs the extra 'formats'")
    names = ["user", "item", "timestamp", None, "note"]
    path = write_xlsx(tmp_path / "e.xlsx", {"log": [["My log"], names, ["u", "a", 3, None, "x"]]})
    assert "its first row does not name the columns: remove the rows above the header" in problem(path)
    write_xlsx(path, {"log": [names, ["u", "a", 3, None, "x"]]})
    assert rows(path) == [("u", "a", 3)]
    assert (capfd.readouterr().err, caplog.records) == ("", [])  # of empty columns nobody needs to hear


def test_parts_may_be_empty_and_json_may_leave_out_keys(tmp_path):
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "part-0.jsonl").write_text("")
    (tmp_path / "log" / "part-1.jsonl").write_text('{"user": "u", "item": "a", "timestamp": 1}\n')
    (tmp_path / "log" / "part-2.jsonl").write_text('{"n": 5, "user": "u", "item": "b", "timestamp": 2}\n')
    raw = TableSource(interactions=tmp_path / "log", context_column=("n",)).read()
    assert raw.events.select("user", "item", "time").rows() == [("u", "a", 1), ("u", "b", 2)]
    assert raw.events["n"].fill_nan(None).to_list() == [None, 5.0]
    (tmp_path / "log" / "part-2.jsonl").write_text('{"user": "u", "item": "b/c", "timestamp": 2}\n')
    assert "part-2.jsonl, line 1: the item id 'b/c'" in problem(tmp_path / "log")
    for file in (tmp_path / "log").iterdir():
        file.write_text("")
    assert "part-0.jsonl: the file is empty" in problem(tmp_path / "log")


def test_excel_without_its_reader_names_the_extra(tmp_path, monkeypatch):
    path = write_xlsx(tmp_path / "e.xlsx", {"log": [["user", "item", "timestamp"], ["u", "a", 1]]})
    monkeypatch.setitem(__import__("sys").modules, "fastexcel", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'embrec\[formats\]'"):
        workbooks.read_excel(path)


def database(path, **tables):
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    for name, values in tables.items():
        connection.execute(f'CREATE TABLE "{name}" (user, item, timestamp)')
        connection.executemany(f'INSERT INTO "{name}" VALUES (?, ?, ?)', values)
    connection.commit()
    connection.close()
    return path


@pytest.mark.parametrize("suffix", [".db", ".sqlite", ".sqlite3"])
def test_sqlite_tables(tmp_path, suffix):
    path = database(tmp_path / f"e{suffix}", log=ROWS)
    assert rows(path) == ROWS
    database(path, log=[(7, "a", 1), ("x", 2, 2.5), (7.0, 3.0, 3)])
    assert rows(path) == [("7", "a", 1), ("x", "2", 2), ("7", "3", 3)]
    database(path, log=[("u", "a", 1), ("u", "b/c", 2)])
    assert "row 2: the item id 'b/c' has a slash" in problem(path)
    database(path, log=ROWS, old=[])
    assert "has 2 tables (log, old); name one, such as" in problem(path)
    assert rows(f"{path}::log") == ROWS
    assert "has no table 'logs'; did you mean 'log'?" in problem(f"{path}::logs")
    assert "the interaction log is empty" in problem(f"{path}::old")
    database(path, log=[("u", b"\x00", 1)])
    assert "column 'item' holds bytes" in problem(path)
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 500)
    assert "not a readable SQLite" in problem(path)


def parquet(frame):
    stream = io.BytesIO()
    frame.write_parquet(stream)
    return stream.getvalue()


LIES = {
    ("e.parquet", CSV): "not a readable Parquet file; it is text that begins with 'user,item,timestamp'",
    ("e.csv", parquet(FRAME)): "a Parquet file by its contents, not CSV as its name says; name it .parquet",
    ("e.csv", zipped(**{"[Content_Types]__xml": b"<x/>"})): "an Excel file by its contents, not CSV as its name says",
    ("e.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"): "an Excel file by its contents",
    ("e.xlsx", CSV): "not a readable Excel file; it is text that begins with 'user,item,timestamp'",
    ("e.db", CSV): "not a readable SQLite file; it is text that begins",
    ("e.csv", b"SQLite format 3\x00"): "an SQLite file by its contents, not CSV",
    ("e.zip", CSV): "not a zip file, whatever its name says",
    ("e.zip", zipped(log__xlsx=b"PK")): "Excel files cannot be read from a packed file; unpack it first",
    ("e.db.gz", gzip.compress(b"x")): "SQLite files cannot be read from a packed file; unpack it first",
    ("e.7z", b"7z\xbc\xaf\x27\x1c"): "is a 7z archive, which is not read; unpack it",
    ("e.h5", b"\x89HDF\r\n\x1a\n"): "HDF5 files are not read; save the table as Parquet or CSV",
    ("e.pkl", pickle.dumps({"user": [1]})): "opening one runs whatever code it holds",
    ("e.pickle", b"x"): "save the table: frame.to_parquet",
    ("e.csv", pickle.dumps([1])): "pickle files are not read",
    ("e.xyz", b"\x00\x01\x02"): "cannot tell the format from the name; name it .csv",
    ("e.txt", b"words of a letter\n"): "nor from its beginning 'words of a letter'; name it .csv",
    ("e.txt", b"1 5 7 9\n2 5\n"): "read it with `SequencesSource(path=",
    ("e.txt", b"u1\ta b c\nu2\ta c d e\n"): "read it with `SequencesSource(path=",
}


@pytest.mark.parametrize(("name", "content"), LIES)
def test_a_file_that_is_not_what_its_name_says_is_one_helpful_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert LIES[name, content] in problem(tmp_path / name)


@pytest.mark.parametrize("content", [CSV, CSV.replace(b",", b"\t"), FRAME.write_ndjson().encode(), parquet(FRAME)])
def test_a_name_that_says_nothing_leaves_it_to_the_contents(tmp_path, content):
    for name in ("e.txt", "e.dat", "e"):
        (tmp_path / name).write_bytes(content)
        assert rows(tmp_path / name) == ROWS


def test_a_header_that_names_a_column_twice_is_refused(tmp_path):
    (tmp_path / "e.csv").write_text("user,item,item,timestamp\nu,a,b,1\n")
    assert "e.csv: the header names the column 'item' more than once; rename or remove one" in problem(
        tmp_path / "e.csv"
    )


def test_a_folder_and_a_pattern_are_one_table_in_the_order_of_names(tmp_path):
    for number, part in ((1, FRAME[:1]), (2, FRAME[1:2]), (10, FRAME[2:])):
        part.write_csv(tmp_path / f"part-{number}.csv")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".part-1.csv.crc").touch()
    for path in (tmp_path, tmp_path / "*.csv", tmp_path / "part-*"):
        assert rows(path) == ROWS
    source = TableSource(interactions=tmp_path)
    assert [file.name for file in source.files()] == ["part-1.csv", "part-2.csv", "part-10.csv"]
    (tmp_path / "part-10.csv").write_text("user,item,timestamp\n\nu,b/c,1\n")
    assert "part-10.csv, line 3: the item id 'b/c' has a slash" in problem(tmp_path)
    (tmp_path / "part-10.csv").write_text("user,sku,timestamp\nu,b,1\n")
    assert "part-10.csv has other columns (user, sku, timestamp) than" in problem(tmp_path)
    assert "no file fits" in problem(tmp_path / "*.parquet")
    FRAME.write_parquet(tmp_path / "part-3.parquet")
    assert "has tables of different formats, such as" in problem(tmp_path)


def test_ids_of_parts_are_numbers_or_text_together(tmp_path):
    (tmp_path / "a.csv").write_text("user,item,timestamp,grade\n1,5,1,2\n")
    (tmp_path / "b.csv").write_text("grade,user,item,timestamp\n2.5,u,007,2\n")
    assert rows(tmp_path, context_column=("grade",)) == [("1", "5", 1, 2.0), ("u", "007", 2, 2.5)]
    path = tmp_path / "typed"
    path.mkdir()
    FRAME.write_parquet(path / "a.parquet")
    FRAME.with_columns(user=7).write_parquet(path / "b.parquet")
    assert "column 'user' is Int32 in" in problem(path)


def test_folders_named_after_values_are_a_column(tmp_path):
    for day in ("2020-09-02", "2020-09-01"):
        folder = tmp_path / "log" / f"date={day}"
        folder.mkdir(parents=True)
        pl.DataFrame({"user": ["u"], "item": [day[-1]]}).write_parquet(folder / "part-0.parquet")
    seconds = [int(datetime(2020, 9, day, tzinfo=UTC).timestamp()) for day in (1, 2)]
    expected = [("u", "1", seconds[0]), ("u", "2", seconds[1])]
    assert rows(tmp_path / "log", time_column="date") == expected
    assert rows(tmp_path / "log" / "*" / "*.parquet", time_column="date") == expected
    assert rows(tmp_path / "log" / "date=2020-09-0*", time_column="date") == expected


def test_a_catalog_in_parts_finds_its_images_beside_them(tmp_path):
    folder = tmp_path / "items"
    folder.mkdir()
    (folder / "a.jpg").touch()
    for item in "ab":
        pl.DataFrame({"item": [item], "title": ["x"], "photo": ["a.jpg"]}).write_csv(folder / f"{item}.csv")
    for path in (folder, folder / "*.csv"):
        catalog = read_items(path, image_column="photo")
        assert [path.name for path in catalog.image_paths()] == ["a.jpg", "a.jpg"]


def test_a_list_of_items_a_user_is_taken_apart_in_its_order(tmp_path):
    path = tmp_path / "e.parquet"
    frame = pl.DataFrame(
        {
            "user": ["u", "v", "w"],
            "item": [["b", "a"], ["c"], []],
            "timestamp": [[5, 3], [9], []],
            "grade": [[1.0, 2.0], [3.0], []],
            "tags": [["x"], ["y", "z"], []],
        }
    )
    frame.write_parquet(path)
    raw = TableSource(interactions=path, context_column=("grade",)).read()
    assert raw.events.rows() == [("u", "b", 5, 1.0), ("u", "a", 3, 2.0), ("v", "c", 9, 3.0)]
    assert raw.notes == {
        "users with an empty list, left out": 1,
        "events taken out of lists, in the order of each list": 3,
    }
    frame.drop("timestamp").write_parquet(path)
    assert rows(path, time_column="@row") == [("u", "b", 0), ("u", "a", 1), ("v", "c", 2)]
    frame.with_columns(timestamp=pl.Series([[5, 3], [9, 8], []])).write_parquet(path)
    assert "row 2: 1 items in column 'item', but 2 values in column 'timestamp'" in problem(path)
    frame.with_columns(item=pl.Series([["b", "a/b"], ["c"], []])).write_parquet(path)
    assert "row 1: the item id 'a/b' has a slash" in problem(path)


def test_lists_in_parts_are_named_by_part(tmp_path):
    for part, item in enumerate(("a", "b/c")):
        frame = pl.DataFrame({"user": ["u"], "item": [["x", "y"] if not part else [item]], "timestamp": [1]})
        frame.write_parquet(tmp_path / f"p{part}.parquet")
    assert "p1.parquet, row 1: the item id 'b/c' has a slash" in problem(tmp_path)


def test_lists_of_objects_are_taken_apart_too(tmp_path):
    (tmp_path / "e.jsonl").write_text('{"user": 1, "events": [{"item": 5, "at": 7}, {"item": 6, "at": 8}]}\n')
    assert rows(tmp_path / "e.jsonl", time_column="at") == [("1", "5", 7), ("1", "6", 8)]


@pytest.mark.parametrize("column", ["user", "order", "grade"])
def test_several_values_where_one_belongs_are_one_line(tmp_path, column):
    path = tmp_path / "e.parquet"
    for values in ([["x", "y"]] * 3, [{"x": 1}] * 3):
        FRAME.with_columns(order=1, grade=2).with_columns(pl.Series(column, values)).write_parquet(path)
        message = problem(path, order_column="order", context_column=("grade",))
        assert f"column '{column}' holds" in message
        assert "it needs one value per row" in message
    pl.DataFrame({"item": [["x"]], "title": ["t"]}).write_parquet(path)
    with pytest.raises(DataError, match=r"column 'item' has the type List"):
        read_items(path)
