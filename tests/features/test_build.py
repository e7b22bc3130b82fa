"""Tests of table builds: incremental by content, safe to kill, never an unfinished table."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import polars as pl
import pytest

from embrec.data.catalog import Catalog
from embrec.errors import FeatureError
from embrec.features.build import build
from embrec.features.encoder import Encoded, Encoder, EncoderParams
from embrec.features.registry import load_encoder
from embrec.features.table import FeatureTable
from embrec.features.text.texts import TextParams, item_texts, text_contents
from embrec.features.text.tfidf import TfidfEncoder


class CountingEncoder(Encoder):
    """Encodes a text by the counts of its letters, and remembers what it was asked for."""

    name = "letters"
    block_rows = 4

    def __init__(self, version: int = 1, fail: tuple[str, ...] = ()) -> None:
        self.params = EncoderParams()
        self.asked: list[str] = []
        self.seed = version
        self.fail = fail

    @property
    def dim(self):
        return 26

    def contents(self, catalog):
        return text_contents(item_texts(catalog, TextParams()))

    def encode(self, catalog):
        texts = item_texts(catalog, TextParams())
        self.asked.extend(texts)
        vectors = np.array([[text.count(chr(97 + i)) for i in range(26)] for text in texts], dtype=np.float32)
        present = np.array([text not in self.fail for text in texts])
        problems = dict.fromkeys(np.flatnonzero(~present).tolist(), "no good")
        return Encoded(vectors * present[:, None] * self.seed, present, problems)

    def weights_hash(self):
        return str(self.seed)


def catalog(texts):
    return Catalog(pl.DataFrame({"item": [f"i{row}" for row in range(len(texts))], "title": texts}))


TEXTS = [f"{'abc'[row % 3] * (row + 1)}{'xyz'[row % 2]}" for row in range(11)]


def test_a_table_holds_every_vector_and_where_it_came_from(tmp_path):
    report = build(catalog(TEXTS), CountingEncoder(), tmp_path)
    table = FeatureTable.open(report.path)
    expected = CountingEncoder().encode(catalog(TEXTS)).vectors
    np.testing.assert_array_equal(table.vectors, expected)
    assert table.item_ids.tolist() == [f"i{row}" for row in range(11)]
    assert table.present.all()
    assert table.attributes["encoder"]["name"] == "letters"
    assert table.attributes["fitted_on"] is None
    assert table.attributes["density"] == pytest.approx((expected != 0).mean())
    assert (report.encoded, report.reused) == (11, 0)


def test_an_unchanged_table_is_left_alone(tmp_path):
    first = build(catalog(TEXTS), CountingEncoder(), tmp_path)
    before = first.path.stat().st_mtime_ns
    encoder = CountingEncoder()
    report = build(catalog(TEXTS), encoder, tmp_path)
    assert encoder.asked == []
    assert (report.encoded, report.reused) == (0, 11)
    assert report.path.stat().st_mtime_ns == before


def test_only_what_is_new_or_changed_is_encoded(tmp_path):
    build(catalog(TEXTS), CountingEncoder(), tmp_path)
    encoder = CountingEncoder()
    report = build(catalog(["new", *TEXTS[:5], "changed", *TEXTS[6:]]), encoder, tmp_path)
    assert sorted(encoder.asked) == ["changed", "new"]
    assert (report.encoded, report.reused) == (2, 10)
    table = FeatureTable.open(report.path)
    whole = CountingEncoder().encode(catalog(["new", *TEXTS[:5], "changed", *TEXTS[6:]]))
    np.testing.assert_array_equal(table.vectors, whole.vectors)


def test_equal_contents_are_encoded_once(tmp_path):
    encoder = CountingEncoder()
    report = build(catalog(["same", "other", "same", "same"]), encoder, tmp_path)
    assert sorted(encoder.asked) == ["other", "same"]
    assert (report.encoded, report.repeated) == (2, 2)
    vectors = FeatureTable.open(report.path).vectors
    np.testing.assert_array_equal(vectors[0], vectors[3])
    assert vectors[3].any()


def test_items_with_nothing_to_read_have_the_zero_vector_and_are_counted(tmp_path):
    report = build(catalog(["abc", "", None, "bad"]), CountingEncoder(fail=("bad",)), tmp_path)
    table = FeatureTable.open(report.path)
    assert table.present.tolist() == [True, False, False, False]
    assert not table.vectors[1:].any()
    assert report.empty == 2
    assert report.failed == [("i3", "no good")]


def test_other_weights_are_another_table(tmp_path):
    first = build(catalog(TEXTS), CountingEncoder(), tmp_path)
    second = build(catalog(TEXTS), CountingEncoder(version=2), tmp_path)
    assert first.path != second.path
    assert first.path.exists()
    assert second.path.exists()


def test_a_catalog_without_texts_is_refused(tmp_path):
    with pytest.raises(FeatureError, match="finds nothing to read in any of the 2 items"):
        build(catalog(["", None]), CountingEncoder(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_second_build_of_the_same_table_is_kept_out(tmp_path):
    path = build(catalog(TEXTS), CountingEncoder(), tmp_path).path
    with path.with_suffix(".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(FeatureError, match="being built by another process"):
            build(catalog(["more", *TEXTS]), CountingEncoder(), tmp_path)


def test_a_table_of_another_catalog_is_named(tmp_path):
    table = FeatureTable.open(build(catalog(TEXTS), CountingEncoder(), tmp_path).path)
    table.check(catalog(TEXTS))
    with pytest.raises(FeatureError, match=r"built for another catalog \(11 items; now 3\)"):
        table.check(catalog(TEXTS[:3]))


def test_damaged_files_are_named(tmp_path):
    path = build(catalog(TEXTS), CountingEncoder(), tmp_path).path
    content = path.read_bytes()
    for damaged in (b"", b"no table", content[:3000], content[: len(content) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(FeatureError, match="delete it and build it again"):
            FeatureTable.open(path)
    for attributes in (None, "[1]", "[", '{"format": 2}', '{"format": 2, "encoder": 3, "fitted_on": null}'):
        with h5py.File(tmp_path / "other.h5", "w") as file:
            file["x"] = 1
            if attributes:
                file.attrs["attributes"] = attributes
        with pytest.raises(FeatureError, match="no readable feature table"):
            FeatureTable.open(tmp_path / "other.h5")
    with pytest.raises(FeatureError, match="no feature table"):
        FeatureTable.open(tmp_path / "absent.h5")


def test_a_table_of_an_earlier_format_is_named_and_built_anew(tmp_path):
    path = build(catalog(TEXTS), CountingEncoder(), tmp_path).path
    with h5py.File(path, "r+") as file:
        file.attrs["attributes"] = '{"format": 1}'
    with pytest.raises(FeatureError, match="has format 1, this version reads 2; build it again"):
        FeatureTable.open(path)
    assert build(catalog(TEXTS), CountingEncoder(), tmp_path).encoded == 11
    assert len(FeatureTable.open(path)) == 11


def test_items_added_to_a_large_table_stand_in_files_of_their_own(tmp_path):
    texts = [f"text {row}" for row in range(60)]
    path = build(catalog(texts), CountingEncoder(), tmp_path).path
    first = path.read_bytes()
    encoder = CountingEncoder()
    report = build(catalog([*texts, "new", texts[3], "", "new"]), encoder, tmp_path)
    assert encoder.asked == ["new"]
    assert (report.encoded, report.reused, report.repeated, report.empty) == (1, 60, 2, 1)
    assert path.read_bytes() == first
    build(catalog([*texts, "new", texts[3], "", "new", "newer"]), CountingEncoder(), tmp_path)
    table = FeatureTable.open(path)
    assert table.sizes == [60, 4, 1]
    assert table.item_ids.tolist() == [f"i{row}" for row in range(65)]
    assert table.present.tolist() == [True] * 62 + [False] + [True] * 2
    expected = CountingEncoder().encode(catalog([*texts, "new", texts[3], "", "new", "newer"])).vectors
    np.testing.assert_array_equal(table.vectors, expected)
    np.testing.assert_array_equal(table.vectors[[64, 0, 61]], expected[[64, 0, 61]])
    np.testing.assert_array_equal(table.vectors[58:63], expected[58:63])


def test_a_table_that_has_grown_by_much_becomes_one_file_again(tmp_path):
    texts = [f"text {row}" for row in range(40)]
    path = build(catalog(texts), CountingEncoder(), tmp_path).path
    for extra in (2, 6):
        texts += [f"more {extra} {row}" for row in range(extra)]
        encoder = CountingEncoder()
        build(catalog(texts), encoder, tmp_path)
        assert len(encoder.asked) == extra
    assert FeatureTable.open(path).sizes == [48]
    assert not list(tmp_path.glob("*.h5.*"))
    np.testing.assert_array_equal(FeatureTable.open(path).vectors, CountingEncoder().encode(catalog(texts)).vectors)


def test_rows_of_a_table_that_was_replaced_do_not_count(tmp_path):
    texts = [f"text {row}" for row in range(40)]
    path = build(catalog(texts), CountingEncoder(), tmp_path).path
    build(catalog([*texts, "more"]), CountingEncoder(), tmp_path)
    later = path.with_name(path.name + ".1").read_bytes()
    build(catalog(texts[::-1]), CountingEncoder(), tmp_path)
    path.with_name(path.name + ".1").write_bytes(later)  # as if the build had been killed before it removed it
    assert FeatureTable.open(path).sizes == [40]


def test_an_addition_that_was_stopped_goes_on_and_is_not_seen_before(tmp_path):
    texts = [f"text {row}" for row in range(200)]
    build(catalog(texts), CountingEncoder(), tmp_path / "a")
    path = build(catalog(texts), CountingEncoder(), tmp_path / "b").path
    more = [*texts, *(f"more {row}" for row in range(12))]
    with pytest.raises(Stopped):
        build(catalog(more), CountingEncoder(), tmp_path / "b", progress=stop)
    assert len(FeatureTable.open(path)) == 200
    encoder = CountingEncoder()
    build(catalog(more), encoder, tmp_path / "b")
    assert len(encoder.asked) == 8
    build(catalog(more), CountingEncoder(), tmp_path / "a")
    for suffix in ("", ".1"):
        files = [tmp_path / folder / (path.name + suffix) for folder in "ab"]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_what_was_learned_from_the_same_items_is_not_learned_again(tmp_path, monkeypatch):
    items = catalog([f"red shoe {row} size {row % 4}" for row in range(30)])
    first = build(items, TfidfEncoder(), tmp_path, fit_rows=np.arange(30) < 20).path
    fitted = []
    learn = TfidfEncoder.fit
    monkeypatch.setattr(TfidfEncoder, "fit", lambda self, catalog: (fitted.append(len(catalog)), learn(self, catalog)))
    assert build(items, TfidfEncoder(), tmp_path, fit_rows=np.arange(30) < 20).path == first
    assert fitted == []
    build(items, TfidfEncoder(), tmp_path, fit_rows=np.arange(30) < 19)
    build(items, TfidfEncoder(max_features=5), tmp_path, fit_rows=np.arange(30) < 20)
    assert fitted == [19, 20]


_BUILD = """
import itertools, sys, time
from pathlib import Path
import polars as pl
from embrec.data.catalog import Catalog
from embrec.features.build import build
from embrec.features.text.tfidf import TfidfEncoder

class Stopping(TfidfEncoder):
    block_rows = 4
    blocks = 0
    def encode(self, catalog):
        self.blocks += 1
        if self.blocks == {last}:
            print("here", flush=True)
            sys.stdin.read()  # until it is killed
        return super().encode(catalog)

texts = [f"word{{i % 7}} other{{i % 11}} third{{i}}" for i in range(160)]
catalog = Catalog(pl.DataFrame({{"item": [f"i{{i}}" for i in range(160)], "title": texts}}))
time.monotonic = itertools.count().__next__  # a clock by which whatever is timed takes as long each time
report = build(catalog, Stopping(), Path(sys.argv[1]))
print(report.encoded, report.reused, flush=True)
"""


def run_build(folder, last=None):
    """Build a table, or kill the build while it encodes its `last` block."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", _BUILD.format(last=last), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    if last is not None:
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGKILL)
    output = process.communicate()[0]
    return process.returncode, output


def test_a_build_killed_three_times_ends_with_the_same_bytes(tmp_path):
    code, _ = run_build(tmp_path / "whole")
    assert code == 0
    for last in (5, 1, 12):
        code, _ = run_build(tmp_path / "killed", last)
        assert code == -signal.SIGKILL
        assert not list((tmp_path / "killed").glob("*.h5"))
    code, output = run_build(tmp_path / "killed")
    encoded, reused = map(int, output.split())
    assert code == 0
    assert encoded + reused == 160
    assert 4 <= reused <= 15 * 4
    (whole,), (killed,) = (list((tmp_path / name).glob("*.h5")) for name in ("whole", "killed"))
    assert killed.name == whole.name
    assert killed.read_bytes() == whole.read_bytes()
    assert not list((tmp_path / "killed").glob("*.partial"))
    assert FeatureTable.open(killed).attributes["seconds"] == FeatureTable.open(whole).attributes["seconds"] > 40


def test_builds_at_different_times_give_the_same_file(tmp_path):
    first = build(catalog(TEXTS), CountingEncoder(), tmp_path / "a").path
    time.sleep(1.1)  # HDF5 counts whole seconds
    second = build(catalog(TEXTS), CountingEncoder(), tmp_path / "b").path
    assert first.read_bytes() == second.read_bytes()


class Stopped(Exception):  # noqa: N818
    pass


def stop(*_):
    raise Stopped


def test_a_resumed_build_trusts_only_blocks_of_the_same_rows(tmp_path):
    """An old table that comes back between kill and resume leaves as many blocks, of other rows."""
    path = build(catalog(TEXTS[:2]), CountingEncoder(), tmp_path).path
    away = path.rename(tmp_path / "away")
    with pytest.raises(Stopped):
        build(catalog(TEXTS), CountingEncoder(), tmp_path, progress=stop)
    away.rename(path)
    build(catalog(TEXTS), CountingEncoder(), tmp_path)
    np.testing.assert_array_equal(FeatureTable.open(path).vectors, CountingEncoder().encode(catalog(TEXTS)).vectors)


def test_why_an_item_could_not_be_read_is_remembered(tmp_path):
    items = catalog([*TEXTS, "bad", "bad"])
    for _ in range(2):
        report = build(items, CountingEncoder(fail=("bad",)), tmp_path / "whole")
        assert report.failed == [("i11", "no good"), ("i12", "no good")]
    with pytest.raises(Stopped):
        build(items, CountingEncoder(fail=("bad",)), tmp_path / "stopped", progress=stop)
    report = build(items, CountingEncoder(fail=("bad",)), tmp_path / "stopped")
    assert report.failed == [("i11", "no good"), ("i12", "no good")]


def test_the_counts_of_a_report_add_up_in_every_build(tmp_path):
    for texts in (
        ["one", "two", "one", "", "bad", None],
        ["one", "two", "one", "", "bad", None],
        ["one", "new", "bad"],
    ):
        report = build(catalog(texts), CountingEncoder(fail=("bad",)), tmp_path)
        assert report.encoded + report.reused + report.repeated + report.empty == report.items == len(texts)
        assert len(report.failed) == 1
    assert (report.encoded, report.reused) == (1, 2)


def test_a_lost_or_damaged_encoder_is_restored_by_the_next_build(tmp_path):
    items = catalog([f"red shoe {row}" for row in range(9)])
    table = FeatureTable.open(build(items, TfidfEncoder(), tmp_path).path)
    (table.encoder_folder / "terms.json").write_text("[")
    build(items, TfidfEncoder(), tmp_path)
    load_encoder(table.encoder_folder)
    assert FeatureTable.open(table.path).attributes["seconds"] == table.attributes["seconds"]
    shutil.rmtree(table.encoder_folder)
    build(items, TfidfEncoder(), tmp_path)
    load_encoder(table.encoder_folder)


def test_a_table_says_what_made_it(tmp_path):
    items = catalog([f"red shoe {row}" for row in range(9)])
    report = build(items, TfidfEncoder(), tmp_path, fit_rows=np.arange(9) < 6)
    attributes = FeatureTable.open(report.path).attributes
    assert attributes["fitted_items"] == 6
    assert attributes["versions"].keys() == {"embrec", "python", "h5py", "numpy", "scikit-learn"}
    assert attributes["finished"].endswith("+00:00")


def test_every_opening_of_a_partial_file_reserves_its_space(tmp_path, monkeypatch):
    reserved = []
    monkeypatch.setattr(os, "posix_fallocate", lambda _, start, size: reserved.append((start, size)))
    with pytest.raises(Stopped):
        build(catalog(TEXTS), CountingEncoder(), tmp_path, progress=stop)
    size = next(tmp_path.glob("*.partial")).stat().st_size
    build(catalog(TEXTS), CountingEncoder(), tmp_path)
    assert reserved[0][1] >= size  # before HDF5 begins
    assert reserved[1:] == [(0, size)] * 2


@pytest.mark.parametrize("limit", [300, 3_000, 12_000, 200_000])
def test_a_full_disk_is_said_in_one_line_and_loses_nothing(tmp_path, limit):
    code = """
import resource, sys
from pathlib import Path
import polars as pl
from embrec.data.catalog import Catalog
from embrec.errors import FeatureError
from embrec.features.build import build
from embrec.features.text.tfidf import TfidfEncoder
texts = [f"word{i} other{i}" for i in range(300)]
catalog = Catalog(pl.DataFrame({"item": [f"i{i}" for i in range(300)], "title": texts}))
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    build(catalog, TfidfEncoder(), Path(sys.argv[1]))
except FeatureError as error:
    print(error)
"""
    command = [sys.executable, "-c", code, str(tmp_path), str(limit)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "could not be written" in result.stdout
    assert "(File too large); free some room" in result.stdout
    assert result.stdout.count("\n") == 1
    assert not list(tmp_path.glob("*.h5"))


def test_the_encoder_beside_a_table_gives_its_vectors(tmp_path):
    items = catalog([f"red shoe {row} size {row % 4}" for row in range(30)])
    table = FeatureTable.open(build(items, TfidfEncoder(), tmp_path).path)
    again = load_encoder(table.encoder_folder).encode(items.select([7, 3])).vectors
    np.testing.assert_allclose(again, table.vectors[[7, 3]], rtol=1e-6)
    np.testing.assert_array_equal(table.csr().toarray(), table.vectors)
