"""Tests of unusable files of precomputed vectors: each error is one line that says what is wrong."""

import gzip

import h5py
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file
from support.vectors import (
    ARRAY,
    IDS,
    catalog,
    csv_with_header,
    encoder,
    hdf5_compressed,
    npy_and_text,
    parquet_lists,
)

from embrec.errors import ConfigError, FeatureError
from embrec.features.registry import make_encoder


def test_ids_that_do_not_match_are_shown(tmp_path):
    with pytest.raises(FeatureError, match=r"none of its 5 vectors .*'0017'.*'17'.*ids="):
        encoder(**csv_with_header(tmp_path, IDS, ARRAY)).contents(catalog(["17", "18"]))


def test_an_id_may_stand_twice_only_with_the_same_vector(tmp_path):
    write = npy_and_text(tmp_path, ["a", "b", "a"], ARRAY[[0, 1, 0]])
    np.testing.assert_array_equal(encoder(**write).encode(catalog("ab")).vectors, ARRAY[:2])
    write = npy_and_text(tmp_path, ["a", "b", "a"], ARRAY[:3])
    with pytest.raises(FeatureError, match=r"item 'a' occurs twice with different vectors \(row 1 and row 3\)"):
        encoder(**write).encode(catalog("ab"))


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("write", [npy_and_text, parquet_lists, csv_with_header, hdf5_compressed])
def test_vectors_that_are_not_finite_are_refused_if_an_item_needs_them(tmp_path, write, number):
    array = ARRAY.astype(np.float64)
    array[1:3, 1] = number
    made = encoder(**write(tmp_path, IDS, array))
    place = "line 3" if write is csv_with_header else "row 2"
    for method in (made.contents, made.encode):
        with pytest.raises(FeatureError, match=rf"2 of the items have .*NaN.*first is item 'B000A', {place};"):
            method(catalog())
    np.testing.assert_array_equal(made.encode(catalog(IDS[3:])).vectors, ARRAY[3:])


def write(path, content):
    if isinstance(content, bytes | str):
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    elif isinstance(content, pl.DataFrame):
        content.write_parquet(path)
    elif isinstance(content, pa.Table):
        pq.write_table(content, path)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, data in content.items():
                file[name] = data
    elif path.suffix == ".safetensors":
        save_file(content, path)
    else:
        np.save(path, content, allow_pickle=True)


OBJECTS = np.array([ARRAY[0], ARRAY[1][:2]], dtype=object)
LISTS = pl.DataFrame({"item": ["a", "b", "c"], "v": [[1.0, 2.0], [3.0, 4.0], [5.0]]})
HALF = gzip.compress(b"a,1,2\n" * 5000)[:-20]
HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (9, 3), }"
CUT = b"\x93NUMPY\x01\x00v\x00" + HEADER.ljust(117) + b"\n"

BAD = {
    "pickled": ("v.npy", OBJECTS, {}, r"pickled array of Python objects"),
    "archive": ("v.npy", b"PK\x03\x04 and so on", {}, r"no readable \.npy file"),
    "one-dimensional": ("v.npy", ARRAY[0], {}, r"the array has shape \(3,\); expected \[items, numbers"),
    "three-dimensional": ("v.npy", ARRAY[None], {}, r"shape \(1, 5, 3\)"),
    "no rows": ("v.npy", ARRAY[:0], {}, r"is empty, it has shape \(0, 3\)"),
    "no numbers": ("v.npy", np.array([["a", "b"]]), {}, r"holds <U1, not numbers"),
    "cut short": ("v.npy", CUT, {}, r"cut short: it has 128 bytes of 236"),
    "key of npy": (
        "v.npy",
        ARRAY,
        {"key": "x"},
        r"key= does not apply to a file of format npy; possible: id_column, ids",
    ),
    "ids nowhere": ("v.npy", ARRAY, {"ids": "nowhere.txt"}, r"'nowhere\.txt' \(ids=\), which is neither a file"),
    "unknown suffix": ("v.npz", b"x", {}, r"cannot tell the format from the name; give format= and one of: npy,"),
    "empty CSV": ("v.csv", "", {}, r"is empty or begins with an empty line"),
    "header alone": ("v.csv", "item,v0,v1\n", {}, r"has no rows of vectors"),
    "one column": ("v.csv", "item\na\n", {}, r"has one column"),
    "ragged CSV": ("v.csv", "item,v0,v1\na,1,2\nb,1\n", {}, r"line 3: 2 columns; expected 3 as in line 1"),
    "ragged CSV without header": ("v.csv", "a,1,2\nb,1,2,3\n", {}, r"line 2: 4 columns; expected 3"),
    "no number": ("v.csv", "item,v0,v1\na,1,x\n", {}, r"line 2, column 'v1': 'x' is no number"),
    "missing number": ("v.csv", "a,1,\nb,2,3\n", {}, r"line 1, column 3: '' is no number"),
    "no such column": (
        "v.csv",
        "item,v0\na,1\n",
        {"id_column": "sku"},
        r"has no column of item ids 'sku' \(id_column=\); there are: item, v0",
    ),
    "cut gzip": ("v.csv.gz", HALF, {}, r"no readable CSV file \(Compressed file ended"),
    "no gzip": ("v.csv.gz", b"a,1,2\n", {}, r"no readable CSV file \(Not a gzipped file"),
    "no UTF-8": ("v.csv", b"\xff\xfe,1\n", {}, r"no readable CSV file \('utf-8' codec"),
    "ragged Parquet": ("v.parquet", LISTS, {}, r"row 3: 1 numbers in column 'v'; expected 2 as in row 1"),
    "no list": (
        "v.parquet",
        LISTS.with_columns(v=pl.lit(None, LISTS["v"].dtype)),
        {},
        r"row 1: no vector in column 'v'",
    ),
    "hole in a list": (
        "v.parquet",
        pl.DataFrame({"item": ["a", "b"], "v": [[1.0], [None]]}),
        {},
        r"row 2: a number is missing in column 'v'",
    ),
    "hole in a column": (
        "v.parquet",
        pl.DataFrame({"item": ["a", "b"], "v": [1.0, None]}),
        {},
        r"row 2: no number in column 'v'",
    ),
    "no id": (
        "v.parquet",
        pl.DataFrame({"item": ["a", None], "v": [1.0, 2.0]}),
        {},
        r"row 2: no item id in column 'item'",
    ),
    "no id column": (
        "v.parquet",
        pl.DataFrame({"x": [1.0]}),
        {},
        r"no column of item ids; name one with id_column=: x",
    ),
    "two text columns": (
        "v.parquet",
        pl.DataFrame({"x": ["a"], "y": ["b"], "v": [1.0]}),
        {},
        r"more than one column of item ids; say which with id_column=: x, y",
    ),
    "nothing numeric": (
        "v.parquet",
        pl.DataFrame({"item": ["a"], "title": ["b"]}),
        {},
        r"no list column and no numeric columns besides 'item'",
    ),
    "two list columns": (
        "v.parquet",
        LISTS.with_columns(w="v"),
        {},
        r"more than one list column; say which with key=: v, w",
    ),
    "no such key": ("v.parquet", LISTS, {"key": "w"}, r"has no column 'w' \(key=\); there are: item, v"),
    "key of numbers": (
        "v.parquet",
        pl.DataFrame({"item": ["a"], "v": [1.0]}),
        {"key": "v"},
        r"column 'v' holds double; expected lists of numbers",
    ),
    "no rows in Parquet": ("v.parquet", LISTS[:0], {}, r"v\.parquet has no rows"),
    "no Parquet": ("v.parquet", b"PAR1 nothing PAR1", {}, r"no readable Parquet file"),
    "ids of Parquet": (
        "v.parquet",
        LISTS,
        {"ids": "x"},
        r"ids= does not apply to a file of format parquet; possible: id_column, key",
    ),
    "no HDF5": ("v.h5", b"nothing", {}, r"no readable HDF5 file"),
    "no matrix in HDF5": ("v.h5", {"x": ARRAY[0]}, {}, r"no dataset of numbers with two dimensions"),
    "no such dataset": ("v.h5", {"x": ARRAY}, {"key": "y"}, r"no dataset of vectors 'y' \(key=\); there are: x"),
    "two datasets": (
        "v.h5",
        {"x": ARRAY, "y": ARRAY},
        {},
        r"more than one dataset of vectors; say which with key=: x, y",
    ),
    "flat dataset": ("v.h5", {"x": ARRAY[0]}, {"key": "x"}, r"dataset 'x' has shape \(3,\)"),
    "ids of other length": ("v.h5", {"x": ARRAY, "names": ["a"]}, {"ids": "names"}, r"'names' has 1 ids for 5 vectors"),
    "HDF5 without ids": ("v.h5", {"x": ARRAY}, {}, r"does not say whose vectors it has"),
    "no safetensors": ("v.safetensors", b"nothing at all", {}, r"no readable safetensors file"),
    "no such tensor": ("v.safetensors", {"x": ARRAY}, {"key": "y"}, r"no tensor of vectors 'y' \(key=\); there are: x"),
    "ids that are no list": (
        "v.safetensors",
        {"x": ARRAY, "ids": np.arange(4, dtype=np.uint8)},
        {},
        r"are no UTF-8 JSON",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_said_in_one_line(tmp_path, case):
    name, content, params, message = BAD[case]
    write(tmp_path / name, content)
    with pytest.raises((FeatureError, ConfigError), match=message) as caught:
        encoder(tmp_path / name, **params).contents(catalog(["a", "b"]))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.ids.txt", "a\nb\n", r"v\.ids\.txt has 2 ids, .*v\.npy has 5 vectors"),
        ("v.ids.json", '{"a": 1}', r"v\.ids\.json: the item ids are no list"),
        ("v.ids.json", "[1, 2, 3, 4, null]", r"entry 5 of the list of item ids is None"),
        ("v.ids.json", "[", r"v\.ids\.json: the item ids cannot be read"),
        ("v.ids.txt", b"\xff\n" * 5, r"v\.ids\.txt: the item ids cannot be read \('utf-8' codec"),
        ("v_ids.npy", np.array(["a", None], dtype=object), r"v_ids\.npy: the item ids cannot be read .*allow_pickle"),
        ("v_ids.npy", np.ones(5), r"the item ids are of type float64"),
        ("v_ids.npy", np.array([["a"] * 5]), r"the item ids have shape \(1, 5\)"),
    ],
)
def test_bad_ids_are_said_in_one_line(tmp_path, name, content, message):
    np.save(tmp_path / "v.npy", ARRAY)
    write(tmp_path / name, content)
    with pytest.raises(FeatureError, match=message) as caught:
        encoder(tmp_path / "v.npy").contents(catalog())
    assert "\n" not in str(caught.value)


def test_a_path_must_be_given_and_be_a_file(tmp_path):
    with pytest.raises(ConfigError, match="encoder 'vectors': parameter 'path' is missing"):
        make_encoder("vectors")
    with pytest.raises(FeatureError, match=r"file of vectors .*v\.npy does not exist"):
        encoder(tmp_path / "v.npy").contents(catalog())
    (tmp_path / "v.npy").mkdir()
    with pytest.raises(FeatureError, match=r"v\.npy is no file"):
        encoder(tmp_path / "v.npy").contents(catalog())
