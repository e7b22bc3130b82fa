"""Modules stay small, and a class has a name of its own."""

import ast
from collections import defaultdict
from pathlib import Path
from statistics import median

PACKAGE = Path(__file__).parents[1] / "embrec"
FILES = sorted(PACKAGE.rglob("*.py"))
MOST, TYPICAL = 450, 130  # lines


def test_no_module_is_long_and_half_of_them_are_short():
    lines = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert [str(file) for file, count in lines.items() if count > MOST] == []
    assert median(count for count in lines.values() if count > 1) <= TYPICAL


def test_no_two_modules_define_a_class_of_one_name():
    """Private classes are known in their module only."""
    places = defaultdict(set)
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].add(str(file.relative_to(PACKAGE)))
    assert {name: sorted(files) for name, files in places.items() if len(files) > 1} == {}
