import subprocess
import sys

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
