"""Ready vectors: every format gives the same vectors, whatever is wrong is said in one line, and memory stays bounded."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError, FeatureError
from embrec.features.build import build
from embrec.features.registry import load_encoder, make_encoder
from embrec.features.table import FeatureTable
from embrec.features.vectors.mapped import MappedRows

IDS = ["0017", "B000A", "c,d", 'e"f', "ünï"]
ARRAY = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def catalog(ids=IDS):
    return Catalog(pl.DataFrame({"item": list(ids)}, schema={"item": pl.String}))


def encoder(path, **params):
    return make_encoder("vectors", {"path": str(path), **params})


def wide(ids, array):
    names = [f"v{place}" for place in range(array.shape[1])]
    return pl.DataFrame(array, schema=names).insert_column(0, pl.Series("item", ids, dtype=pl.String))


def npy_and_text(folder, ids, array):
    np.save(folder / "v.npy", array)
    (folder / "v.ids.txt").write_text("".join(f"{item}\n" for item in ids), encoding="utf-8", newline="\n")
    return {"path": folder / "v.npy"}


def npy_by_columns_and_npy(folder, ids, array):
    np.save(folder / "v.npy", np.asfortranarray(array.astype(">f4")))
    np.save(folder / "v_ids.npy", np.array(ids))
    return {"path": folder / "v.npy"}


def npy_and_json(folder, ids, array):
    np.save(folder / "v.npy", array.astype(np.float64))
    (folder / "names.json").write_text(json.dumps(list(ids)))
    return {"path": folder / "v.npy", "ids": "names.json"}


def npy_and_column(folder, ids, array):
    np.save(folder / "v.npy", array)
    pl.DataFrame({"title": ["x"] * len(ids), "sku": ids}).write_parquet(folder / "items.parquet")
    return {"path": folder / "v.npy", "ids": str(folder / "items.parquet"), "id_column": "sku"}


def npy_and_csv_column(folder, ids, array):
    np.save(folder / "v.npy", array)
    pl.DataFrame({"title": ["x"] * len(ids), "item": ids}).write_csv(folder / "items.csv", quote_style="always")
    return {"path": folder / "v.npy", "ids": str(folder / "items.csv")}


def parquet_arrays(folder, ids, array):
    schema = {"item": pl.String, "vector": pl.Array(pl.Float32, array.shape[1])}
    pl.DataFrame({"item": ids, "vector": array}, schema=schema).write_parquet(folder / "v.parquet")
    return {"path": folder / "v.parquet"}


def parquet_lists(folder, ids, array):
    schema = {"sku": pl.String, "price": pl.Float64, "e": pl.List(pl.Float64)}
    columns = {"sku": ids, "price": [1.0] * len(ids), "e": array.tolist()}
    pl.DataFrame(columns, schema=schema).write_parquet(folder / "v.parquet", row_group_size=2)
    return {"path": folder / "v.parquet"}


def parquet_columns(folder, ids, array):
    wide(ids, array).write_parquet(folder / "v.pq")
    return {"path": folder / "v.pq"}


def csv_with_header(folder, ids, array):
    wide(ids, array).write_csv(folder / "v.csv")
    return {"path": folder / "v.csv"}


def csv_without_header(folder, ids, array):
    wide(ids, array).write_csv(folder / "v.csv", include_header=False)
    return {"path": folder / "v.csv"}


def csv_with_ids_last(folder, ids, array):
    frame = wide(ids, array).rename({"item": "sku"})
    frame.select(*frame.columns[1:], "sku").write_csv(folder / "v.csv")
    return {"path": folder / "v.csv", "id_column": "sku"}


def tsv_gz(folder, ids, array):
    with gzip.open(folder / "v.tsv.gz", "wb") as stream:
        wide(ids, array).write_csv(stream, separator="\t")
    return {"path": folder / "v.tsv.gz"}


def hdf5_contiguous(folder, ids, array):
    with h5py.File(folder / "v.h5", "w") as file:
        file["vectors"], file["ids"], file["other"] = array, list(ids), array[:, :1]
    return {"path": folder / "v.h5"}


def hdf5_compressed(folder, ids, array):
    with h5py.File(folder / "v.hdf5", "w") as file:
        file.create_dataset("model/out", data=array.astype(np.float64), chunks=(1, array.shape[1]), compression="gzip")
        file["model/names"] = np.array([item.encode() for item in ids], dtype=object)
        file["model/titles"] = ["x"] * len(ids)
    return {"path": folder / "v.hdf5", "key": "model/out", "ids": "model/names"}


def safetensors_with_tensor(folder, ids, array):
    listed = np.frombuffer(json.dumps(list(ids)).encode(), dtype=np.uint8)
    save_file({"vectors": array, "ids": listed, "other": array}, folder / "v.safetensors")
    return {"path": folder / "v.safetensors"}


def safetensors_with_metadata(folder, ids, array):
    save_file({"first": np.zeros(3), "e": array}, folder / "v.safetensors", metadata={"names": json.dumps(list(ids))})
    return {"path": folder / "v.safetensors", "ids": "names"}


FORMATS = [
    npy_and_text,
    npy_by_columns_and_npy,
    npy_and_json,
    npy_and_column,
    npy_and_csv_column,
    parquet_arrays,
    parquet_lists,
    parquet_columns,
    csv_with_header,
    csv_without_header,
    csv_with_ids_last,
    tsv_gz,
    hdf5_contiguous,
    hdf5_compressed,
    safetensors_with_tensor,
    safetensors_with_metadata,
]


@pytest.mark.parametrize("write", FORMATS, ids=lambda write: write.__name__)
def test_every_format_gives_the_vectors_by_id(tmp_path, write):
    made = encoder(**write(tmp_path, IDS, ARRAY))
    items = catalog(["unknown", *reversed(IDS)])
    contents, encoded = made.contents(items), made.encode(items)
    np.testing.assert_array_equal(encoded.vectors[1:], ARRAY[::-1])
    assert not encoded.vectors[0].any()
    assert encoded.present.tolist() == contents.filled.tolist() == [False] + [True] * 5
    assert encoded.vectors.dtype == np.float32
    assert made.dim == 3


# Line breaks cannot stand in a list of ids; NumPy and HDF5 cut texts at a NUL.
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=6)
NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_same_array_is_the_same_in_every_format(data):
    ids = data.draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    array = data.draw(npst.arrays(np.float32, (len(ids), data.draw(st.integers(1, 3))), elements=NUMBERS))
    items, seen = catalog(ids), []
    for write in FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            made = encoder(**write(Path(folder), ids, array))
            seen.append((made.contents(items).fingerprints, made.encode(items).vectors))
    for fingerprints, vectors in seen:
        np.testing.assert_array_equal(vectors.view(np.uint32), array.view(np.uint32))
        np.testing.assert_array_equal(fingerprints, seen[0][0])


def test_items_have_the_same_fingerprint_exactly_if_their_vectors_are_equal(tmp_path):
    array = np.array([[1, 2], [1, 2], [2, 1]], dtype=np.float32)
    prints = encoder(**npy_and_text(tmp_path, "abc", array)).contents(catalog("abc")).fingerprints
    assert (prints[0] == prints[1]).all()
    assert (prints[0] != prints[2]).any()


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.uint16, np.int64, ">f8"])
def test_numbers_of_any_type_become_float32(tmp_path, dtype):
    array = np.array([[1, 2, 3], [4, 100, 6]], dtype=dtype)
    encoded = encoder(**npy_and_text(tmp_path, "ab", array)).encode(catalog("ab"))
    np.testing.assert_array_equal(encoded.vectors, array.astype(np.float32))
    assert encoded.vectors.dtype == np.float32


def test_bfloat16_tensors_are_read_as_torch_reads_them(tmp_path):
    tensor = torch.randn(5, 7, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    save_torch_file({"e": tensor, "item": torch.arange(5)}, tmp_path / "v.safetensors")
    encoded = encoder(tmp_path / "v.safetensors").encode(catalog("01234"))
    np.testing.assert_array_equal(encoded.vectors, tensor.float().numpy())


def test_integer_ids_match_their_texts(tmp_path):
    pl.DataFrame({"id": [3, 1], "x": [0.5, 1.5], "y": [1, 2]}).write_parquet(tmp_path / "v.parquet")
    encoded = encoder(tmp_path / "v.parquet").encode(catalog("123"))
    np.testing.assert_array_equal(encoded.vectors, [[1.5, 2], [0, 0], [0.5, 1]])


def test_a_header_that_counts_the_columns_is_a_header(tmp_path):
    (tmp_path / "v.csv").write_text("item,0,1\na,5,6\n")
    np.testing.assert_array_equal(encoder(tmp_path / "v.csv").encode(catalog("a")).vectors, [[5, 6]])
    (tmp_path / "v.csv").write_text("b;0;1\na;5;6\n")
    np.testing.assert_array_equal(encoder(tmp_path / "v.csv").encode(catalog("ab")).vectors, [[5, 6], [0, 1]])


# --- AlexNet records


def records(ids, array):
    return b"".join(
        item.encode("ascii").ljust(10, b"\0") + row.astype("<f4").tobytes()
        for item, row in zip(ids, array, strict=True)
    )


def test_alexnet_records_are_read(tmp_path):
    array = np.random.default_rng(1).normal(size=(3, 4096)).astype(np.float32)
    ids = ["B000000001", "B00000000X", "short"]
    for name, params in (("v.b", {}), ("v.bin", {}), ("image_features", {"format": "alexnet"})):
        (tmp_path / name).write_bytes(records(ids, array))
        encoded = encoder(tmp_path / name, **params).encode(catalog(["short", "none", *ids[:2]]))
        np.testing.assert_array_equal(encoded.vectors, array[[2, 0, 0, 1]] * [[1], [0], [1], [1]])
        assert encoded.present.tolist() == [True, False, True, True]


def test_a_truncated_alexnet_file_is_refused_with_its_record_count(tmp_path):
    (tmp_path / "v.b").write_bytes(records(["B000000001"] * 3, np.ones((3, 4096)))[:-5])
    with pytest.raises(FeatureError, match=r"v\.b .*2 records and 16,389 bytes"):
        encoder(tmp_path / "v.b").contents(catalog())


def test_a_file_of_another_format_is_no_alexnet_file(tmp_path):
    (tmp_path / "v.b").write_bytes(os.urandom(16394 * 3))
    with pytest.raises(FeatureError, match=r"record \d: the item id .* is no ASCII text"):
        encoder(tmp_path / "v.b").contents(catalog())


# --- in catalog order


def test_rows_in_catalog_order_must_be_asked_for_and_be_as_many_as_the_items(tmp_path):
    np.save(tmp_path / "v.npy", ARRAY)
    with pytest.raises(FeatureError, match=r"does not say whose vectors.*v\.ids\.txt.*ids=order"):
        encoder(tmp_path / "v.npy").contents(catalog())
    made = encoder(tmp_path / "v.npy", ids="order")
    with pytest.raises(FeatureError, match="5 vectors, the catalog 4 items"):
        made.contents(catalog(IDS[:4]))
    made.contents(catalog())
    np.testing.assert_array_equal(made.encode(catalog([IDS[3], IDS[0]])).vectors, ARRAY[[3, 0]])


def test_rows_in_catalog_order_keep_their_items_when_saved(tmp_path):
    np.save(tmp_path / "v.npy", ARRAY)
    with pytest.raises(FeatureError, match="no item can be looked up by its id"):
        encoder(tmp_path / "v.npy", ids="order").encode(catalog())
    report = build(catalog(), encoder(tmp_path / "v.npy", ids="order"), tmp_path / "tables")
    loaded = load_encoder(FeatureTable.open(report.path).encoder_folder)
    encoded = loaded.encode(catalog([IDS[2], "new"]))
    np.testing.assert_array_equal(encoded.vectors, [ARRAY[2], [0, 0, 0]])
    assert encoded.present.tolist() == [True, False]


# --- as an encoder


def test_only_appended_and_changed_rows_are_written_to_the_same_table(tmp_path):
    items = catalog([*IDS, "late"])
    first = build(items, encoder(**npy_and_text(tmp_path, IDS, ARRAY)), tmp_path / "tables")
    assert (first.encoded, first.empty) == (5, 1)
    array = np.vstack([ARRAY, [7, 8, 9]]).astype(np.float32)
    array[1] = 0.25
    second = build(items, encoder(**npy_and_text(tmp_path, [*IDS, "late"], array)), tmp_path / "tables")
    assert second.path == first.path
    assert (second.encoded, second.reused, second.empty) == (2, 4, 0)
    np.testing.assert_array_equal(FeatureTable.open(second.path).vectors, array)


def test_a_saved_encoder_looks_new_items_up_in_the_file(tmp_path, monkeypatch):
    npy_and_text(tmp_path, IDS, ARRAY)
    monkeypatch.chdir(tmp_path)
    report = build(catalog(), encoder("v.npy"), tmp_path / "tables")
    npy_and_text(tmp_path, [*IDS, "new"], np.vstack([ARRAY, [7, 8, 9]]))
    monkeypatch.chdir("/")
    folder = FeatureTable.open(report.path).encoder_folder
    np.testing.assert_array_equal(load_encoder(folder).encode(catalog(["new"])).vectors, [[7, 8, 9]])
    (tmp_path / "v.npy").unlink()
    with pytest.raises(FeatureError, match=r"v\.npy does not exist; put it there"):
        load_encoder(folder).encode(catalog(["new"]))


def test_an_open_encoder_sees_a_file_that_was_written_again(tmp_path):
    made = encoder(**npy_and_text(tmp_path, IDS, ARRAY))
    made.encode(catalog())
    npy_and_text(tmp_path, ["new"], ARRAY[:1])
    np.testing.assert_array_equal(made.encode(catalog(["new"])).vectors, ARRAY[:1])


def test_a_file_that_changes_between_fingerprints_and_vectors_is_refused(tmp_path):
    made = encoder(**npy_and_text(tmp_path, IDS, ARRAY))
    made.contents(catalog())
    npy_and_text(tmp_path, IDS, np.vstack([ARRAY[:4], [1, 2, 3]]))
    with pytest.raises(FeatureError, match="changed while it was being read"):
        made.encode(catalog())
    made.contents(catalog())
    np.testing.assert_array_equal(made.encode(catalog()).vectors[4], [1, 2, 3])


def test_a_file_that_is_cut_short_under_a_reader_is_an_error_and_not_the_end_of_the_process(tmp_path):
    path = tmp_path / "flat"
    path.write_bytes(np.zeros(100_000, np.float32).tobytes())
    with path.open("rb") as stream:
        rows = MappedRows(stream, path, np.float32, (1000, 100))
    os.truncate(path, 4096)
    with pytest.raises(FeatureError, match="changed while it was being read"):
        rows.read(np.arange(1000))


def test_a_feature_table_is_a_file_of_vectors_too(tmp_path):
    report = build(catalog([*IDS, "none"]), encoder(**npy_and_text(tmp_path, IDS, ARRAY)), tmp_path / "tables")
    encoded = encoder(report.path).encode(catalog([*IDS, "none"]))
    np.testing.assert_array_equal(encoded.vectors[:5], ARRAY)
    assert encoded.present.tolist() == [True] * 5 + [False]


def test_the_working_copy_of_a_compressed_file_leaves_nothing_behind(tmp_path):
    made = encoder(**parquet_lists(tmp_path, IDS, ARRAY))
    made.cache_folder = tmp_path / "cache"
    with pytest.raises(FeatureError, match=r"no working copy of .*v\.parquet could be written to .*cache"):
        made.contents(catalog())
    made.cache_folder.mkdir()
    made.contents(catalog())
    np.testing.assert_array_equal(made.encode(catalog()).vectors, ARRAY)
    assert list(made.cache_folder.iterdir()) == []


# --- bad input


def test_ids_that_do_not_match_are_shown(tmp_path):
    with pytest.raises(FeatureError, match=r"none of its 5 vectors .*'0017'.*'17'.*ids="):
        encoder(**csv_with_header(tmp_path, IDS, ARRAY)).contents(catalog(["17", "18"]))


def test_an_id_may_stand_twice_only_with_the_same_vector(tmp_path):
    write = npy_and_text(tmp_path, ["a", "b", "a"], ARRAY[[0, 1, 0]])
    np.testing.assert_array_equal(encoder(**write).encode(catalog("ab")).vectors, ARRAY[:2])
    write = npy_and_text(tmp_path, ["a", "b", "a"], ARRAY[:3])
    with pytest.raises(FeatureError, match=r"item 'a' stands twice with different vectors \(row 1 and row 3\)"):
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
        r"key= means nothing to a file of format npy; possible: id_column, ids",
    ),
    "ids nowhere": ("v.npy", ARRAY, {"ids": "nowhere.txt"}, r"'nowhere\.txt' \(ids=\), which is no file"),
    "unknown suffix": ("v.npz", b"x", {}, r"cannot tell the format from the name; say format= and one of: npy,"),
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
        r"ids= means nothing to a file of format parquet; possible: id_column, key",
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
    with pytest.raises(ConfigError, match="encoder 'vectors', parameter 'path'"):
        make_encoder("vectors")
    with pytest.raises(FeatureError, match=r"file of vectors .*v\.npy does not exist"):
        encoder(tmp_path / "v.npy").contents(catalog())
    (tmp_path / "v.npy").mkdir()
    with pytest.raises(FeatureError, match=r"v\.npy is no file"):
        encoder(tmp_path / "v.npy").contents(catalog())


PEAK = """
import sys
from pathlib import Path
import polars as pl
from embrec.data.catalog import Catalog
from embrec.features.registry import make_encoder
import pyarrow.parquet
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
catalog = Catalog(pl.DataFrame({"item": [str(row) for row in range(int(sys.argv[1]))][::-1]}))
before = peak()
for path in sys.argv[2:]:
    encoder = make_encoder("vectors", {"path": path})
    encoder.contents(catalog)
    for start in range(0, len(catalog), 4096):
        encoder.encode(catalog.select(range(start, min(start + 4096, len(catalog)))))
    print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells the peak of a process")
def test_memory_does_not_grow_with_the_file(tmp_path):
    count, dim = 80_000, 1024  # 328 MB
    zeros = np.zeros((2000, dim), dtype=np.float32)
    ids = [str(row) for row in range(count)]
    np.lib.format.open_memmap(tmp_path / "v.npy", "w+", np.float32, (count, dim))
    (tmp_path / "v.ids.txt").write_text("\n".join(ids))
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file.create_dataset("vectors", (count, dim), np.float32, chunks=(500, dim), compression="gzip")
        file["ids"] = ids
    lists = pa.FixedSizeListArray.from_arrays(pa.array(zeros.ravel()), dim)
    vectors = pa.chunked_array([lists] * (count // len(zeros)))
    pq.write_table(pa.table({"item": ids, "vector": vectors}), tmp_path / "v.parquet", row_group_size=count)
    files = [str(tmp_path / name) for name in ("v.npy", "v.h5", "v.parquet")]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(count), *files], check=True, stdout=subprocess.PIPE, text=True
    )
    grown = [float(line) for line in done.stdout.split()]
    assert len(grown) == 3
    assert max(grown) < 240, grown  # 135 MB of it are Parquet's, whatever the size
