"""The Python interface as the README shows it."""

import re
import subprocess
import sys
from pathlib import Path

import embrec

README = Path(__file__).resolve().parents[2] / "README.md"


def test_every_exported_name_is_there():
    for name in embrec.__all__:
        assert getattr(embrec, name) is not None
    assert set(embrec._EXPORTS) | {"__version__"} == set(embrec.__all__)


def test_the_example_of_the_readme_runs_as_it_stands(shop, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    for file in ("log.csv", "items.jsonl", "new.jsonl"):
        (tmp_path / file).write_bytes((shop.folder / file).read_bytes())
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "hr@10" in result.stdout
    assert (tmp_path / "scores.parquet").is_file()
