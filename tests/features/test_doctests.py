"""The examples in the docstrings of the feature package hold."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import embrec.features

FOLDER = Path(embrec.features.__file__).parent
MODULES = sorted(
    ".".join(("embrec.features", *path.relative_to(FOLDER).with_suffix("").parts))
    for path in FOLDER.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name):
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
