import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from embrec.errors import DataError
from embrec.locks import locked

_HOLD = """
import sys
from pathlib import Path
from embrec.errors import DataError
from embrec.locks import locked
with locked(Path(sys.argv[1]), DataError("busy")):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_ends_even_by_a_kill(tmp_path):
    file = tmp_path / "folder" / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DataError, match="by another process"), locked(file, DataError("by another process")):
            pass
        other.kill()
        other.wait()
    with locked(file, DataError("by another process")):
        assert file.is_file()


def test_readers_share_a_lock_and_keep_writers_out(tmp_path):
    file, busy = tmp_path / "lock", DataError("busy")
    shared = locked(file, busy, shared=True)
    with shared, locked(file, busy, shared=True), pytest.raises(DataError, match="busy"), locked(file, busy):
        pass
    with locked(file, busy), pytest.raises(DataError, match="busy"), locked(file, busy, shared=True):
        pass


def test_a_lock_leaves_no_file_and_no_folder(tmp_path):
    busy = DataError("busy")
    with locked(tmp_path / "new" / "folder" / "lock", busy, shared=True):
        with locked(tmp_path / "new" / "folder" / "lock", busy, shared=True):
            pass
        assert (tmp_path / "new" / "folder" / "lock").is_file()
    assert list(tmp_path.iterdir()) == []


def test_waiting_holders_come_one_after_the_other(tmp_path):
    inside, most = [], []

    def hold(number):
        with locked(tmp_path / "lock", None):
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, range(200)))
    assert most == [1] * 200
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_read_without_a_lock(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with locked(tmp_path / "lock", DataError("busy"), shared=True):
        pass
    with pytest.raises(PermissionError), locked(tmp_path / "lock", DataError("busy")):
        pass
