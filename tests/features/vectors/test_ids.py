"""Tests that precomputed vectors are given to the items they belong to, or refused."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import encoder

from embrec.data.catalog import Catalog
from embrec.data.importing import import_data
from embrec.data.preparation import PRESETS
from embrec.data.readers.table import TableSource
from embrec.errors import FeatureError
from embrec.features.category import build_features
from embrec.features.table import FeatureTable
from embrec.workspace import Workspace

IDS = [f"i{number}" for number in range(10)]


@pytest.fixture
def shop(tmp_path):
    """Return a function that imports lines of items, writes a vector for each, and builds the table of these."""

    def make(lines, *, in_log=IDS, preset="none", vectors=None, spec="vectors:path={path}:ids=order"):
        folder = tmp_path
        text = (json.dumps({"item": item, "title": f"thing {item}"}) + "\n" for item in lines)
        (folder / "items.jsonl").write_text("".join(text))
        if vectors is not None:
            np.save(folder / "v.npy", np.array([[int(item[1:]), 1] for item in vectors], np.float32))
        rows = [
            f"u{user},{item},{1_500_000_000 + 100 * user + n}" for user in range(12) for n, item in enumerate(in_log)
        ]
        (folder / "log.csv").write_text("\n".join(["user,item,timestamp", *rows]) + "\n")
        category = Workspace(folder / "workspace").category("shop")
        source = TableSource(interactions=folder / "log.csv", items=folder / "items.jsonl")
        import_data(category, source, PRESETS[preset], force=True)
        (report,) = build_features(category, [spec.format(path=folder / "v.npy")])
        return FeatureTable.open(report.path)

    return make


def owners(table):
    """The items whose vectors they have."""
    return [f"i{int(vector[0])}" for vector in table.vectors[np.arange(len(table))]]


def test_vectors_in_the_order_of_the_lines_go_to_the_items_of_the_lines(shop):
    lines = IDS[::-1]
    table = shop(lines, vectors=lines)
    assert table.item_ids.tolist() == lines == owners(table)


BROKEN = {
    "a repeated line and an item without one": (
        ["i0", "i0", *IDS[1:9]],
        {},
        r"repeated lines \(1\) and added items .* \(1\)",
    ),
    "a repeated line": (["i0", *IDS], {"in_log": IDS}, r"dropped repeated lines \(1\)"),
    "an item without a line": (IDS[:9], {}, r"added items of the log that have no line \(1\)"),
    "items that a filter left out": (
        [*IDS, "i10"],
        {"in_log": IDS[:9], "preset": "none-seen"},
        r"left items out \(2\)",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("spec", ["vectors:path={path}:ids=order", "vectors:path={path}:ids=order+l2"])
def test_a_catalog_that_is_not_the_lines_is_refused(shop, case, spec, monkeypatch):
    monkeypatch.setitem(PRESETS, "none-seen", PRESETS["none"].model_copy(update={"catalog": "seen"}))
    lines, options, message = BROKEN[case]
    with pytest.raises(FeatureError, match=message):
        shop(lines, vectors=lines, spec=spec, **options)


@pytest.mark.parametrize("spec", ["vectors:path={path}:ids=order", "vectors:path={path}:ids=order+l2"])
def test_another_order_of_the_items_beside_the_same_vectors_is_refused(shop, spec):
    shop(IDS, vectors=IDS, spec=spec)
    with pytest.raises(FeatureError, match=r"10 vectors stand where .*row 1 was of 'i0' and would now be of 'i9'"):
        shop(IDS[::-1], spec=spec)
    swapped = [IDS[1], IDS[0], *IDS[2:]]
    with pytest.raises(FeatureError, match=r"2 vectors stand where .*row 1 was of 'i0' and would now be of 'i1'"):
        shop(swapped, spec=spec)
    table = shop(swapped, vectors=swapped, spec=spec)
    assert table.item_ids.tolist() == swapped


def test_items_that_are_added_at_the_end_with_their_vectors_are_taken(shop):
    shop(IDS[:9], in_log=IDS[:9], vectors=IDS[:9])
    assert owners(shop(IDS, vectors=IDS)) == IDS


def named(folder, ids, array=None):
    """A file of vectors with these ids."""
    array = np.random.default_rng(0).normal(size=(len(ids), 3)) if array is None else array
    frame = pl.DataFrame(array, schema=[f"v{n}" for n in range(array.shape[1])])
    frame.insert_column(0, pl.Series("item", ids)).write_parquet(folder / "v.parquet")
    return encoder(folder / "v.parquet")


def items(ids):
    return Catalog(pl.DataFrame({"item": list(ids)}, schema={"item": pl.String}))


@pytest.mark.parametrize(
    ("ids", "there", "words"),
    [
        (
            ["0108775015", "0108775044"],
            [108775015, 108775044],
            "look like '108775015', those of the catalog like '0108775015': leading zeros were lost on one side",
        ),
        (["108", "109"], ["0108", "0109"], "like '108': leading zeros were lost on one side"),
        (["a1", "a2"], [" a1", "a2 "], "blanks stand around the ids of one side"),
        (["B00X", "B00Y"], ["b00x", "b00y"], "upper and lower case differ"),
        (["108", "109"], ["108.0", "109.0"], "ids of one side became floating-point numbers"),
        (
            ["0B8", "0B9"],
            ["b8 ", "b9 "],
            "blanks stand around the ids of one side and leading zeros were lost on one side and upper and lower case differ",
        ),
    ],
)
def test_ids_that_are_written_differently_are_refused_with_the_cause(tmp_path, ids, there, words):
    made = named(tmp_path, there)
    with pytest.raises(FeatureError, match="none of its 2 vectors belongs to an item of the catalog") as error:
        made.contents(items(ids))
    assert words in str(error.value)


def test_ids_of_which_only_some_were_changed_are_refused_too(tmp_path):
    made = named(tmp_path, ["9", "10", "11"])
    with pytest.raises(FeatureError, match="2 of the 4 items have no vector, and for 1 of them"):
        made.contents(items(["09", "10", "11", "none"]))


def test_items_that_simply_have_no_vector_are_no_mistake(tmp_path):
    assert named(tmp_path, ["a", "b"]).contents(items(["a", "b", "c"])).filled.tolist() == [True, True, False]
    ids = [f"x{n}" for n in range(100)]
    assert named(tmp_path, ["a", "X1"]).contents(items(["a", *ids])).filled.sum() == 1  # one like another by chance


GOOD = np.random.default_rng(1).normal(size=(50, 8)).astype(np.float32)
MISREAD = {
    "other byte order": GOOD.view(">f4").astype("<f4"),
    "doubles read as floats": (GOOD.astype(np.float64) / 3).view("<f4"),
    "integers read as floats": np.arange(400, dtype=np.int32).reshape(50, 8).view("<f4"),
    "beyond": GOOD * np.float32(1e25),
}


@pytest.mark.parametrize("case", MISREAD)
def test_bytes_that_were_read_as_something_else_are_refused(tmp_path, case):
    array = MISREAD[case]
    with pytest.raises(FeatureError, match=r"the numbers are (as large as|no larger than) .*bytes of another type|NaN"):
        named(tmp_path, [f"i{n}" for n in range(50)], array).contents(items(f"i{n}" for n in range(50)))


@pytest.mark.parametrize("bits", [np.uint16, np.int32])
def test_bits_that_were_kept_as_whole_numbers_are_refused(tmp_path, bits):
    ids = [f"i{n}" for n in range(50)]
    np.save(tmp_path / "v.npy", (GOOD.view(np.uint32) >> 16).astype(bits) if bits == np.uint16 else GOOD.view(bits))
    (tmp_path / "v.ids.txt").write_text("\n".join(ids))
    with pytest.raises(FeatureError, match=r"whole numbers as large as .* such as bfloat16 kept as uint16"):
        encoder(tmp_path / "v.npy").contents(items(ids))
    np.save(tmp_path / "v.npy", (GOOD * 40).astype(np.int8))  # quantised vectors are whole numbers, and meant to be
    assert encoder(tmp_path / "v.npy").contents(items(ids)).filled.all()


@given(st.floats(1e-6, 1e6), st.integers(0, 7))
def test_embeddings_of_whatever_scale_are_taken(tmp_path_factory, scale, place):
    array = GOOD * np.float32(scale)
    array[:, place] *= 50
    ids = [f"i{n}" for n in range(50)]
    assert named(tmp_path_factory.mktemp("scaled"), ids, array).contents(items(ids)).filled.all()


@pytest.mark.parametrize("write", ["npy", "csv", "parquet"])
def test_a_column_that_is_no_part_of_the_vectors_is_refused(tmp_path, write):
    ids = [f"i{n}" for n in range(50)]
    array = np.hstack([GOOD, np.full((50, 1), 1.6e9, dtype=np.float32)])
    path = tmp_path / f"v.{write}"
    if write == "npy":
        np.save(path, array)
        (tmp_path / "v.ids.txt").write_text("\n".join(ids))
    else:
        frame = pl.DataFrame(array, schema=[*(f"v{n}" for n in range(8)), "seen"]).insert_column(
            0, pl.Series("item", ids)
        )
        frame.write_csv(path) if write == "csv" else frame.write_parquet(path)
    where = "number 9 of the vectors" if write == "npy" else "column 'seen'"
    with pytest.raises(FeatureError, match=f"{where} has numbers as large as 1,600,000,000, .* id, a time or a count"):
        encoder(path).contents(items(ids))


@pytest.mark.parametrize(("name", "first"), [("", 0), ("Unnamed: 0", 0), ("index", 1)])
def test_a_column_that_counts_the_rows_is_refused(tmp_path, name, first):
    ids = [f"i{n}" for n in range(50)]
    frame = pl.DataFrame(GOOD, schema=[f"v{n}" for n in range(8)]).insert_column(0, pl.Series("item", ids))
    frame.insert_column(0, pl.Series(name, np.arange(first, 50 + first))).write_csv(tmp_path / "v.csv")
    with pytest.raises(FeatureError, match=f"column '{name}' only counts the rows"):
        encoder(tmp_path / "v.csv").contents(items(ids))
    frame.with_columns(pl.Series(name, GOOD[:, 0])).write_csv(tmp_path / "v.csv")
    assert encoder(tmp_path / "v.csv").contents(items(ids)).filled.all()
