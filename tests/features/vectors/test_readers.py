"""Tests of precomputed vectors: every format gives the same vectors, and memory stays bounded."""

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
from safetensors.torch import save_file as save_torch_file
from support.vectors import (
    ARRAY,
    FORMATS,
    IDS,
    catalog,
    encoder,
    npy_and_text,
    parquet_lists,
)

from embrec.errors import FeatureError
from embrec.features.build import build
from embrec.features.registry import load_encoder
from embrec.features.table import FeatureTable
from embrec.features.vectors.mapped import MappedRows


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
NUMBERS = st.floats(-1e4, 1e4, width=32)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_same_array_is_the_same_in_every_format(data):
    ids = data.draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    array = data.draw(npst.arrays(np.float32, (len(ids), data.draw(st.integers(1, 3))), elements=NUMBERS))
    array[:, 0] = 1  # numbers that are all next to nothing are refused
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
