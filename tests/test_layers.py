"""The order of the packages: no module imports one above it, hidden in a function or not, and no imports go in a circle."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "embrec"
# From top to bottom. Packages on one line do not import each other.
LAYERS = (
    ("cli",),
    ("report",),
    ("comparisons",),
    ("tuning", "serving"),
    ("runs",),
    ("training", "evaluation"),
    ("models",),
    ("features",),
    ("data",),
    ("",),  # the ground: modules that lie in embrec itself
)
PLACE = {name: place for place, names in enumerate(LAYERS) for name in names}
# What users import and what starts the command line; they stand above everything.
DOORS = {"embrec", "embrec.__main__"}


def name_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(file): file for file in sorted(PACKAGE.rglob("*.py"))}


def imports(module: str) -> Iterator[tuple[str, bool]]:
    """The modules of this package that one imports, and whether the import is a statement of the module itself."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports by a relative name, which hides a part of the order"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield (full if full in MODULES else node.module), id(node) in top
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in top


def layer(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (PACKAGE / parts[1]).is_dir() else ""


OWN = {module: [(other, top) for other, top in imports(module) if other in MODULES] for module in MODULES}


def test_every_package_has_its_place_in_the_order():
    assert {layer(module) for module in MODULES if module not in DOORS} == set(PLACE)


@pytest.mark.parametrize("module", [module for module in MODULES if module not in DOORS])
def test_no_module_imports_one_above_it_or_beside_it(module):
    own = layer(module)
    for other, _ in OWN[module]:
        assert layer(other) == own or PLACE[layer(other)] > PLACE[own], f"{module} imports {other}"
        assert other not in DOORS, f"{module} imports {other}"


def test_no_imports_go_in_a_circle():
    edges = {module: {other for other, _ in found if other != module} for module, found in OWN.items()}
    state: dict[str, int] = {}
    path: list[str] = []

    def visit(module: str) -> None:
        state[module] = 1
        path.append(module)
        for other in sorted(edges[module]):
            if state.get(other) == 1:
                pytest.fail(" -> ".join([*path[path.index(other) :], other]))
            if other not in state:
                visit(other)
        path.pop()
        state[module] = 2

    for module in edges:
        if module not in DOORS and module not in state:
            visit(module)


def test_training_and_evaluation_know_nothing_of_each_other():
    for module in MODULES:
        names = {layer(other) for other, _ in OWN[module]}
        assert not (layer(module) == "training" and "evaluation" in names)
        assert not (layer(module) == "evaluation" and "training" in names)


@pytest.mark.parametrize("module", [module for module in MODULES if layer(module) != "cli"])
def test_only_heavy_libraries_and_optional_parts_are_imported_inside_functions(module):
    """An own module that is imported within a function hides a part of the order, unless it needs an extra."""
    hidden = {other for other, top in OWN[module] if not top} - {other for other, top in OWN[module] if top}
    allowed = {other for other in hidden if other.endswith(".on_ray") or other in OPTIONAL}
    inside = {other for other in hidden - allowed if not guarded(module, other)}
    assert not inside, f"{module} imports {sorted(inside)} inside a function"


# Modules that need an extra as soon as they are imported.
OPTIONAL = {"embrec.features.image.encoder"}


def guarded(module: str, other: str) -> bool:
    """Whether an import is for type checkers alone."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    return any(
        isinstance(node, ast.If)
        and "TYPE_CHECKING" in ast.unparse(node.test)
        and any(
            isinstance(line, ast.ImportFrom)
            and any(f"{line.module}.{alias.name}" == other or line.module == other for alias in line.names)
            for line in node.body
        )
        for node in ast.walk(tree)
    )
