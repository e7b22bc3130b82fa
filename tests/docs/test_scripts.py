"""The scripts of the project: each says how it is used before it installs or runs anything."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("name", ["quickstart", "test", "docs", "benchmark", "reproduce"])
def test_a_script_shows_its_usage_and_does_nothing_else(name, option, tmp_path):
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": "no-python"}  # with which nothing can be installed
    done = subprocess.run(
        [ROOT / "scripts" / name, option], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert f"usage: scripts/{name}" in done.stdout
    assert not any(line.startswith(("#", "set ", ".")) for line in done.stdout.splitlines())
    assert done.stderr == ""
