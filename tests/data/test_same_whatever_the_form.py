"""The same shop in every supported format gives the same category, down to column types and the order of events."""

import gzip
import sqlite3

import pandas as pd
import polars as pl
import pytest
from support.spreadsheets import write_xlsx

from embrec.data.importing import import_data
from embrec.data.preparation import PRESETS
from embrec.data.readers.table import TableSource
from embrec.workspace import Workspace

LOG = pl.DataFrame(
    {
        "user": ["007", "u2", "007", "u3", "u2", "u2"],
        "item": ["01", "b", "b", "c", "01", "c"],
        "timestamp": [1600000030, 1600000020, 1600000010, 1600000010, 1600000011, 1600000011],
        "rating": [1.0, 2.5, 3.0, 4.0, 5.0, 0.5],
        "count": [1, 2, 3, 4, 5, 6],
        "note": ["x", "n/a", "y, z", "é", 'q"', "007"],
        "hour": ["08", "09", "10", "11", "00", "23"],
    }
)
ITEMS = pl.DataFrame(
    {
        "item": ["b", "01", "c", "d"],
        "title": ["Pen, blue", 'Ink "x"', "Été 北", "line one\nline two"],
        "brand": ["A", None, "B & Co", "C"],
        "price": [1.5, None, 3.25, 4.0],
        "stock": [1, 2, 3, 4],
        "day": ["2020-01-01", "2020-02-01", None, "2020-03-01T10:00:00"],
        "ean": ["0012", "0013", "0014", "0015"],
        "tags": ["['red', 'wide']", "['blue']", None, "plain"],
        "page": ["https://shop/b", "https://shop/01", None, "https://shop/d"],
    }
)
TRUTHS = ITEMS.with_columns(new=pl.Series([True, False, None, True]))
FILES = [
    ".csv",
    ".tsv",
    ".semi.csv",
    ".csv.gz",
    ".utf16.csv",
    ".crlf.csv",
    ".jsonl",
    ".json",
    ".parquet",
    ".arrow",
    ".xlsx",
    ".db",
]


def written(frame, name, folder, ending):
    path = folder / (name + ending)
    if ending == ".semi.csv":
        frame.write_csv(path, separator=";")
    elif ending == ".tsv":
        frame.write_csv(path, separator="\t")
    elif ending == ".jsonl":
        frame.write_ndjson(path)
    elif ending == ".json":
        frame.write_json(path)
    elif ending == ".parquet":
        frame.write_parquet(path)
    elif ending == ".arrow":
        frame.write_ipc(path)
    elif ending == ".xlsx":
        write_xlsx(path, {"sheet": [frame.columns, *map(list, frame.rows())]})
    elif ending == ".db":
        connection = sqlite3.connect(path)
        connection.execute(f"CREATE TABLE rows ({', '.join(frame.columns)})")
        connection.executemany(f"INSERT INTO rows VALUES ({', '.join('?' * frame.width)})", frame.rows())
        connection.commit()
        connection.close()
    else:
        text = frame.write_csv()
        if ending == ".crlf.csv":
            text = text.replace("\n", "\r\n").replace("one\r\n", "one\n")
        data = text.encode("utf-16" if ending == ".utf16.csv" else "utf-8")
        path.write_bytes(gzip.compress(data) if ending.endswith(".gz") else data)
    return path


def in_parts(frame, name, folder, ending):
    """Write a table as two files whose names sort by number, not by letter."""
    (folder / name).mkdir()
    written(frame[:2], f"{name}/part-2", folder, ending)
    written(frame[2:], f"{name}/part-10", folder, ending)
    return folder / name / f"*{ending}"


def categories(frame):
    return frame.with_columns(pl.col(pl.String).cast(pl.Categorical))


IN_MEMORY = {
    "polars": lambda frame: frame,
    "lazy": lambda frame: frame.lazy(),
    "categories": categories,
    "pandas": lambda frame: frame.to_pandas(),
    "pandas, categories": lambda frame: frame.to_pandas().astype(
        {name: "category" for name, dtype in frame.schema.items() if dtype == pl.String}
    ),
    "pandas, nullable": lambda frame: frame.to_pandas().convert_dtypes(),
    "pandas, Arrow": lambda frame: frame.to_pandas(use_pyarrow_extension_array=True),
    "pandas, odd index": lambda frame: frame.to_pandas().set_index(pd.Index(range(len(frame), 0, -1))),
    "Arrow": lambda frame: frame.to_arrow(),
    "Arrow, dictionaries": lambda frame: categories(frame).to_arrow(),
    "rows": lambda frame: frame.to_dicts(),
    "rows, absent keys": lambda frame: [
        {key: value for key, value in row.items() if value is not None} for row in frame.to_dicts()
    ],
    "columns": lambda frame: frame.to_dict(as_series=False),
    "small numbers": lambda frame: frame.with_columns(pl.col(pl.Int64).exclude("timestamp").cast(pl.UInt8)),
}


@pytest.fixture
def make(tmp_path):
    def imported(log, items, name="shop"):
        source = TableSource(interactions=log, items=items, context_column=("rating", "count", "note", "hour"))
        return import_data(Workspace(tmp_path / "workspace").category(name), source, PRESETS["none"]).dataset

    return imported


def test_a_shop_is_read_as_it_was_meant(make):
    shop = make(LOG, TRUTHS)
    names = shop.catalog.item_ids
    assert [names[shop.interactions.history(user)].tolist() for user in range(3)] == [
        ["b", "01"],
        ["01", "c", "b"],
        ["c"],
    ]
    assert shop.interactions.user_ids.tolist() == ["007", "u2", "u3"]
    assert shop.interactions.context["hour"].tolist() == ["10", "08", "00", "23", "09", "11"]
    assert shop.catalog.text_columns == ("title", "brand", "tags")
    assert shop.catalog.texts(["ean", "tags"]) == ["0012 red, wide", "0013 blue", "0014", "0015 plain"]


@pytest.mark.parametrize("ending", FILES)
@pytest.mark.parametrize("write", [written, in_parts], ids=["whole", "parts"])
def test_every_file_makes_the_same_category(make, tmp_path, write, ending):
    if ending == ".xlsx":
        pytest.importorskip("fastexcel")
    items = ITEMS if ending == ".db" else TRUTHS  # SQLite keeps truth values as numbers
    shop = make(write(LOG, "log", tmp_path, ending), write(items, "items", tmp_path, ending))
    assert shop.same_data(make(LOG, items, "expected"))


@pytest.mark.parametrize("form", IN_MEMORY)
def test_every_table_in_memory_makes_the_same_category(make, form):
    shop = make(IN_MEMORY[form](LOG), IN_MEMORY[form](TRUTHS))
    assert shop.same_data(make(LOG, TRUTHS, "expected"))


def test_a_text_that_is_named_stays_as_the_file_has_it(tmp_path):
    (tmp_path / "items.csv").write_text("item,size,title\na,1.10,x\nb,007,y\n")
    (tmp_path / "log.csv").write_text("user,item,timestamp\nu,a,1\nu,b,2\n")
    source = TableSource(interactions=tmp_path / "log.csv", items=tmp_path / "items.csv", text_column=("title", "size"))
    assert source.read().items["size"].to_list() == ["1.10", "007"]
