"""The steps of CONTRIBUTING.md, done as they are written: each adds one file and one line, and that is enough."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILE = re.compile(r"^New file `([^`]+)`:\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"^One line in `(\w+)` of `([^`]+)`:\n\n```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
USE = """
import sys
from pathlib import Path

import embrec
from embrec.comparisons.request import ComparisonRequest
from embrec.data.batches import Batch
from embrec.models.registry import kinds
from support.categories import SETTINGS, toy_category

assert Path(embrec.__file__).is_relative_to(sys.argv[1]), embrec.__file__
category = toy_category(Path(sys.argv[1]) / "workspace")
list(embrec.build_features(category, ["hashed-words:size=64"]))
assert "decay" in kinds()
config = embrec.build_config(
    "toys",
    options={
        "model.kind": "decay",
        "model.features": ["hashed-words:size=64"],
        "training.loss": "hinge",
        "training.epochs": 2,
        "training.device": "cpu",
        "evaluation.metrics": ["log-rank", "ndcg@10"],
        "training.select_by": "log-rank",
    },
    settings=["model.dim=8", "model.decay=0.5", "training.loss.margin=0.5", "training.negatives=8"],
)
result = embrec.train(category, config, "decayed")
assert result.metrics["test"]["all"]["log-rank"] > 0
assert embrec.Recommender.load(result.run).recommend(["i01", "i02"], k=3)
request = ComparisonRequest(category, seeds=2, epochs=1, settings=[*SETTINGS, "training.select_by=ndcg@10"])
comparison = embrec.compare_lengths(request, [3, 10])
assert [row.name for row in comparison.rows] == ["3", "10"]
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A copy of the package with everything that the guide adds."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "embrec", folder / "embrec", ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in FILE.findall(GUIDE):
        assert not (folder / path).exists(), path
        (folder / path).write_text(text, encoding="utf-8")
    for name, path, text in LINE.findall(GUIDE):
        before = (folder / path).read_text(encoding="utf-8")
        # The mapping's first entry: what follows its name up to the first brace that ends a line.
        place = re.search(rf"^{name}\b(?:(?!^\S).|\n)*?\{{\n", before, flags=re.MULTILINE)
        assert place is not None, f"{path} has no mapping {name}"
        after = before[: place.end()] + text + before[place.end() :]
        (folder / path).write_text(after, encoding="utf-8")
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT / "tests")]), "COLUMNS": "200"}
    environment |= {"OMP_NUM_THREADS": "1"}
    environment.pop("EMBREC_WORKSPACE", None)
    return subprocess.run(
        [sys.executable, "-P", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_every_part_has_a_file_and_a_line():
    assert len(FILE.findall(GUIDE)) == len(LINE.findall(GUIDE)) == 5


def test_what_the_guide_adds_is_built_trained_measured_and_compared(extended):
    result = run(extended, "-c", USE, str(extended))
    assert result.returncode == 0, result.stderr


def test_the_command_line_knows_what_was_added(extended):
    shown = run(extended, "-m", "embrec", "settings", "--model", "decay").stdout
    assert "model.decay" in shown
    assert "training.loss.margin" in shown
    assert "decay" in run(extended, "-m", "embrec", "train", "--help").stdout
    assert "hashed-words" in run(extended, "-m", "embrec", "features", "encoders").stdout
    assert "log-rank" in run(extended, "-m", "embrec", "evaluate", "--help").stdout


def test_what_the_guide_adds_is_formatted_and_typed_as_the_rest(extended):
    ruff = shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    files = [str(extended / path) for path, _ in FILE.findall(GUIDE)]
    result = subprocess.run(
        [ruff, "check", "--config", str(ROOT / "pyproject.toml"), *files], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout
