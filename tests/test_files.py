"""Where results are to go is looked at before the work, and nothing is left behind by looking."""

import re

import pytest

from embrec.errors import ConfigError
from embrec.files import check_output, check_output_folder


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
