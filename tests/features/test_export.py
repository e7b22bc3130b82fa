"""Tests of exported tables: other libraries can read them, and importing them restores the vectors."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import polars as pl
import pytest
from safetensors import safe_open

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError, FeatureError
from embrec.features.build import build
from embrec.features.export import export
from embrec.features.registry import make_encoder
from embrec.features.table import FeatureTable

NAMES = ["v.npy", "v.parquet", "v.csv", "v.csv.gz", "v.tsv", "v.tsv.gz", "v.h5", "v.hdf5", "v.safetensors"]
IDS = ["0017", "absent", "B000A", "c,d", 'e"f', "ünï", "tab\tbed"]
ROWS = [0, 2, 3, 4, 5, 6]
ARRAY = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)


@pytest.fixture
def catalog():
    return Catalog(pl.DataFrame({"item": IDS}))


@pytest.fixture
def table(tmp_path, catalog):
    """A table with one item that has no vector."""
    source = tmp_path / "source"
    source.mkdir()
    np.save(source / "v.npy", ARRAY)
    (source / "v.ids.txt").write_text("".join(f"{IDS[row]}\n" for row in ROWS), encoding="utf-8")
    report = build(catalog, make_encoder("vectors", {"path": source / "v.npy"}), tmp_path / "tables")
    return FeatureTable.open(report.path)


blocks = pytest.mark.parametrize("block_bytes", [1 << 24, 40], ids=["one block", "blocks of two rows"])


@blocks
@pytest.mark.parametrize("name", NAMES)
def test_an_exported_table_comes_back_as_it_was(tmp_path, catalog, table, name, block_bytes):
    assert export(table, tmp_path / "out" / name, block_bytes=block_bytes) == 6
    report = build(catalog, make_encoder("vectors", {"path": tmp_path / "out" / name}), tmp_path / "back")
    back = FeatureTable.open(report.path)
    np.testing.assert_array_equal(back.vectors, table.vectors)
    np.testing.assert_array_equal(back.present, table.present)
    np.testing.assert_array_equal(back.fingerprints, table.fingerprints)
    assert back.item_ids.tolist() == table.item_ids.tolist() == IDS
    assert back.vectors[ROWS].tolist() == ARRAY.tolist()


@blocks
def test_other_libraries_read_what_is_exported(tmp_path, table, block_bytes):
    there = [IDS[row] for row in ROWS]
    for name in NAMES:
        export(table, tmp_path / name, block_bytes=block_bytes)
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy", allow_pickle=False), ARRAY)
    assert (tmp_path / "v.ids.txt").read_text(encoding="utf-8").splitlines() == there
    frame = pl.read_parquet(tmp_path / "v.parquet")
    assert frame["item"].to_list() == there
    np.testing.assert_array_equal(frame["vector"].to_numpy(), ARRAY)
    for name, separator in (("v.csv", ","), ("v.csv.gz", ","), ("v.tsv", "\t"), ("v.tsv.gz", "\t")):
        frame = pl.read_csv(tmp_path / name, separator=separator, schema_overrides={"item": pl.String})
        assert frame.columns == ["item", "v0", "v1", "v2", "v3", "v4"]
        assert frame["item"].to_list() == there
        np.testing.assert_array_equal(frame.drop("item").to_numpy().astype(np.float32), ARRAY)
    with h5py.File(tmp_path / "v.h5") as file:
        np.testing.assert_array_equal(file["vectors"][:], ARRAY)
        assert file["item_ids"].asstr()[:].tolist() == there
    with safe_open(tmp_path / "v.safetensors", framework="numpy") as file:
        np.testing.assert_array_equal(file.get_tensor("vectors"), ARRAY)
        assert json.loads(file.get_tensor("ids").tobytes()) == there


def test_a_name_that_tells_no_format_is_refused(tmp_path, table):
    with pytest.raises(ConfigError, match=r"cannot tell the format of .*dump from its name; known endings are: \.npy"):
        export(table, tmp_path / "dump")
    assert list(tmp_path.glob("dump*")) == []


def test_a_table_is_not_exported_over_itself(table):
    before = table.path.read_bytes()
    with pytest.raises(FeatureError, match="is the table itself"):
        export(table, table.path)
    assert table.path.read_bytes() == before


def test_a_line_break_in_an_id_does_not_become_two_ids(tmp_path):
    np.save(tmp_path / "v.npy", ARRAY[:2])
    (tmp_path / "v.ids.json").write_text('["a\\nb", "c"]')
    items = Catalog(pl.DataFrame({"item": ["a\nb", "c"]}))
    report = build(items, make_encoder("vectors", {"path": tmp_path / "v.npy"}), tmp_path / "tables")
    table = FeatureTable.open(report.path)
    with pytest.raises(FeatureError, match=r"item 'a\\nb' has a line break in its id.*\.parquet"):
        export(table, tmp_path / "out.npy")
    assert not list(tmp_path.glob("out*"))
    for name in NAMES[1:]:
        export(table, tmp_path / f"out.{name}")
        encoded = make_encoder("vectors", {"path": tmp_path / f"out.{name}"}).encode(items)
        np.testing.assert_array_equal(encoded.vectors, ARRAY[:2])


# A limit on the size of files is met like a full disk: in the middle of writing.
FULL = """
import resource, sys
from pathlib import Path
from embrec.errors import FeatureError
from embrec.features.export import export
from embrec.features.table import FeatureTable
table = FeatureTable.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
for name in sys.argv[2:]:
    try:
        export(table, Path(name))
    except FeatureError as error:
        print(error)
"""


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    ids = [str(row) for row in range(2000)]
    noise = np.random.default_rng(0).normal(size=(2000, 50)).astype(np.float32)
    np.save(tmp_path / "v.npy", noise)
    (tmp_path / "v.ids.txt").write_text("\n".join(ids))
    items = Catalog(pl.DataFrame({"item": ids}))
    report = build(items, make_encoder("vectors", {"path": tmp_path / "v.npy"}), tmp_path / "tables")
    out = tmp_path / "out"
    out.mkdir()
    for name in NAMES:
        (out / name).write_text("old")
    command = [sys.executable, "-c", FULL, str(report.path), *(str(out / name) for name in NAMES)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    lines = done.stdout.splitlines()
    assert len(lines) == len(NAMES)
    for name, line in zip(NAMES, lines, strict=True):
        assert line.startswith(str(Path(out / name))), line
        assert "could not be written" in line
        assert "File too large" in line
        assert (out / name).read_text() == "old"
    assert sorted(path.name for path in out.iterdir()) == sorted(NAMES)
