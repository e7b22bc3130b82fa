"""The examples in the docstrings of the package hold."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import embrec

FOLDER = Path(embrec.__file__).parent
MODULES = sorted(
    ".".join(("embrec", *path.relative_to(FOLDER).with_suffix("").parts)).removesuffix(".__init__")
    for path in FOLDER.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name):
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
