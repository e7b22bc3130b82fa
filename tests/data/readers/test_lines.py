import gzip

import pytest

from embrec.data.readers.lines import Block, decode, read_all, read_blocks
from embrec.errors import DataError

LINES = [f"line {n}".encode() for n in range(1, 501)]


@pytest.mark.parametrize("ending", [b"", b"\n"])
@pytest.mark.parametrize("block_bytes", [16, 100, 1 << 20])
@pytest.mark.parametrize("compressed", [False, True])
def test_blocks_hold_every_line_once_with_its_number(tmp_path, ending, block_bytes, compressed):
    data = b"\n".join(LINES) + ending
    path = tmp_path / "reviews.json"  # gzip is told by its bytes, not by the name
    path.write_bytes(gzip.compress(data) if compressed else data)
    found = [entry for block in read_blocks(path, block_bytes=block_bytes) for entry in block.lines()]
    assert found == list(enumerate(LINES, start=1))


def test_blank_lines_are_skipped_but_counted(tmp_path):
    assert list(Block(tmp_path, 10, b"a\n\n  \nb\n").lines()) == [(10, b"a"), (13, b"b")]


def test_progress_ends_at_the_total(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"a\n" * 100)
    calls = []
    read_all(path, lambda task, done, total, note="": calls.append((done, total)))
    assert calls[-1] == (1, 1)


def test_an_empty_file_has_no_blocks(tmp_path):
    path = tmp_path / "x"
    path.touch()
    assert list(read_blocks(path)) == []


def test_a_truncated_gzip_is_an_error_that_names_the_file(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"\n".join(LINES))[:-20])
    with pytest.raises(DataError, match=r"x\.gz, after line 1: the gzip file is cut off"):
        read_all(path)


def test_a_damaged_gzip_is_an_error_that_names_the_file(tmp_path):
    path = tmp_path / "x.gz"
    data = bytearray(gzip.compress(b"\n".join(LINES)))
    data[-6] ^= 0xFF  # the checksum
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="the gzip file is damaged"):
        read_all(path)


def test_a_missing_file_and_a_folder_are_errors(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_all(tmp_path / "absent")
    with pytest.raises(DataError, match="is a folder"):
        read_all(tmp_path)


def test_text_that_is_not_utf8_is_read_as_latin1():
    assert decode("Léon".encode("latin-1")) == decode("Léon".encode()) == "Léon"
