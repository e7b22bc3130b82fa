"""One virtual environment a peer, made once and made anew when its requirements change."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from errors import PeerError, last_line

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def ensure_environment(name: str) -> Path:
    """Return the Python of a peer's environment, `.venv-peers/NAME`, with what `requirements-NAME.txt` lists.

    Raises:
        PeerError: it cannot be made.
    """
    requirements = HERE / f"requirements-{name}.txt"
    folder = ROOT / ".venv-peers" / name
    stamp, python = folder / "requirements.txt", folder / "bin" / "python"
    if stamp.exists() and stamp.read_text() == requirements.read_text():
        return python
    print(f"making the virtual environment {folder.relative_to(ROOT)} (a minute or more)", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)]
    for command in ([sys.executable, "-m", "venv", str(folder)], install):
        with tempfile.TemporaryFile("w+") as errors:
            if subprocess.run(command, stdout=errors, stderr=errors).returncode:
                errors.seek(0)
                raise PeerError(f"cannot be installed: {last_line(errors.read())}")
    shutil.copyfile(requirements, stamp)
    return python
