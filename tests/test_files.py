"""Files and folders appear complete or not at all, and places of results are checked before the work."""

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from embrec.errors import ConfigError
from embrec.files import atomic_folder, atomic_path, check_output, check_output_folder, tidy, write_text


def test_a_file_may_lie_in_a_folder_that_is_made_for_it(tmp_path):
    check_output(tmp_path / "a.json", (".json",))
    check_output(tmp_path / "new" / "a.json", (".json",))
    check_output_folder(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is a folder; name the file to write, such as"),
        ("a.pdf", "a.pdf is not named .json; name it"),
        ("no/such/a.json", "there is no folder"),
        ("file/a.json", "cannot write"),
    ],
)
def test_what_cannot_be_written_is_said(tmp_path, name, message):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=re.escape(message)):
        check_output(tmp_path / name, (".json",))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_of_results_is_none_that_is_a_file_or_lies_nowhere(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file; name a folder"):
        check_output_folder(tmp_path / "file")
    with pytest.raises(ConfigError, match=r"there is no folder .*make it first"):
        check_output_folder(tmp_path / "no" / "such")


def test_threads_that_write_one_path_do_not_touch_each_others_files(tmp_path):
    both = Barrier(2, timeout=60)

    def write(text):
        with atomic_path(tmp_path / "file") as temporary:
            both.wait()
            temporary.write_text(text)
            both.wait()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ["a" * 1000, "b" * 1000]))
    assert (tmp_path / "file").read_text() in ("a" * 1000, "b" * 1000)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_cannot_take_its_place_leaves_the_old_one(tmp_path):
    with atomic_folder(tmp_path / "data") as folder:
        (folder / "old").touch()
    with pytest.raises(FileNotFoundError), atomic_folder(tmp_path / "data") as folder:
        folder.rmdir()
    assert [path.name for path in tmp_path.rglob("*")] == ["data", "old"]


def test_what_a_killed_process_left_is_cleared_and_nothing_else(tmp_path):
    (tmp_path / "run").mkdir()
    keep = [tmp_path / "run" / "trainer.pt", tmp_path / "run" / ".notes.tmp", tmp_path / ".other.0123456789abcdef.tmp"]
    for file in keep:
        file.touch()
    for left in (".trainer.pt.0123456789abcdef.tmp", ".config.yaml.4711.tmp"):  # and as older versions named it
        (tmp_path / "run" / left).touch()
    (tmp_path / ".run.fedcba9876543210.old").mkdir()
    tidy(tmp_path / "run")
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(keep)
    assert not (tmp_path / ".run.fedcba9876543210.old").exists()


def test_a_file_that_could_not_be_written_leaves_the_old_one(tmp_path):
    write_text(tmp_path / "file", "old")
    with contextlib.suppress(ZeroDivisionError), atomic_path(tmp_path / "file") as temporary:
        temporary.write_text(str(1 / 0))
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
