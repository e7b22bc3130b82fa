"""Tests of the cached hashes of image files."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from embrec.data.catalog import content_hashes
from embrec.features.image.fingerprints import FILE, image_contents, load_fingerprints, save_fingerprints
from embrec.features.registry import make_encoder


@pytest.fixture
def files(tmp_path):
    """Three files that were written a while ago, as far as the clock of the tests can tell."""
    paths = [tmp_path / f"{name}.jpg" for name in "abc"]
    for path in paths:
        path.write_bytes(path.name.encode() * 1000)
    return paths


@pytest.fixture
def later(monkeypatch):
    """Let the clock be a minute ahead, so that files just written are old."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 60_000_000_000)


@pytest.fixture
def opened(monkeypatch):
    """The names of files that are opened."""
    names = []
    original = Path.open

    def note(path, *args, **kwargs):
        names.append(path.name)
        return original(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", note)
    return names


def test_the_fingerprint_of_a_picture_is_the_hash_of_its_bytes(files, items):
    contents = image_contents(items([*files, None, files[0].with_name("absent.jpg"), files[0]]))
    assert contents.filled.tolist() == [True, True, True, False, False, True]
    np.testing.assert_array_equal(contents.fingerprints[:3], content_hashes([path.read_bytes() for path in files]))
    np.testing.assert_array_equal(contents.fingerprints[5], contents.fingerprints[0])
    np.testing.assert_array_equal(contents.fingerprints[3:5], content_hashes([b"", b""]))


@pytest.mark.usefixtures("later")
def test_only_new_and_changed_files_are_read_again(files, items, tmp_path, opened):
    known = {}
    before = image_contents(items(files), known)
    assert sorted(opened) == ["a.jpg", "b.jpg", "c.jpg"]
    save_fingerprints(tmp_path / FILE, known)
    known = load_fingerprints(tmp_path / FILE)
    new = tmp_path / "d.jpg"
    new.write_bytes(b"new")
    old = files[1].stat()
    files[1].write_bytes(b"B.jpg"[:5] * 1000)  # of the same length, and its time put back
    os.utime(files[1], ns=(old.st_atime_ns, old.st_mtime_ns))
    opened.clear()
    after = image_contents(items([*files, new]), known)
    assert sorted(opened) == ["b.jpg", "d.jpg"]
    np.testing.assert_array_equal(after.fingerprints, image_contents(items([*files, new])).fingerprints)
    assert (after.fingerprints[1] != before.fingerprints[1]).any()


def test_a_file_just_written_is_not_trusted(files, items):
    """It may be written again within one tick of the file system's clock."""
    known = {}
    image_contents(items(files), known)
    assert known == {}


@pytest.mark.usefixtures("later")
def test_a_file_that_is_gone_is_forgotten(files, items):
    known = {}
    image_contents(items(files), known)
    files[0].unlink()
    assert image_contents(items(files), known).filled.tolist() == [False, True, True]
    assert set(known) == {str(path) for path in files[1:]}


@pytest.mark.parametrize("content", [b"", b"junk", b"PAR1" + bytes(100) + b"PAR1"])
def test_a_damaged_file_of_fingerprints_is_as_none(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    assert load_fingerprints(tmp_path / FILE) == {}
    assert load_fingerprints(tmp_path / "absent") == {}


@pytest.mark.usefixtures("later")
def test_an_encoder_with_a_cache_reads_files_once(files, items, tmp_path, opened):
    first = make_encoder("efficientnet-lite0")
    first.cache_folder = tmp_path / "cache"
    expected = first.contents(items(files))
    opened.clear()
    second = make_encoder("efficientnet-lite0")
    second.cache_folder = tmp_path / "cache"
    np.testing.assert_array_equal(second.contents(items(files)).fingerprints, expected.fingerprints)
    assert not set(opened) & {path.name for path in files}


@pytest.mark.usefixtures("later")
def test_a_cache_that_cannot_be_written_stops_nothing(files, items, tmp_path):
    encoder = make_encoder("efficientnet-lite0")
    (tmp_path / "file").touch()
    encoder.cache_folder = tmp_path / "file" / "folder"
    assert encoder.contents(items(files)).filled.all()


def test_files_that_may_not_be_read_are_problems_of_their_items(files, items, monkeypatch):
    """The first in a place that the system refuses to look at, the second without permission."""
    paths = [files[0].with_name("x" * 300 + ".png"), files[0]]

    def denied(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", denied)
    contents = image_contents(items(paths))
    assert contents.filled.tolist() == [True, True]
    assert (contents.fingerprints[0] != contents.fingerprints[1]).any()
