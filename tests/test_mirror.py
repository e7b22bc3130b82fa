"""Where tests live: beside the module they mirror, or under a first line that states their subject."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS, PACKAGE = ROOT / "tests", ROOT / "embrec"
# Folders that mirror no package: tests of commands and of documents, and what tests share.
OTHERS = {"docs", "e2e", "fixtures", "support"}

FILES = [file for file in sorted(TESTS.rglob("test_*.py")) if file.relative_to(TESTS).parts[0] != "support"]


@pytest.mark.parametrize(
    "folder", sorted({file.parent for file in FILES}), ids=lambda folder: str(folder.relative_to(TESTS))
)
def test_a_folder_of_tests_mirrors_a_package(folder):
    place = folder.relative_to(TESTS)
    assert OTHERS.intersection(place.parts[:1]) or (PACKAGE / place / "__init__.py").is_file()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(TESTS)))
def test_a_test_file_mirrors_a_module_or_states_its_subject(file):
    mirrored = PACKAGE / file.relative_to(TESTS).with_name(file.name.removeprefix("test_"))
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    assert mirrored.is_file() or (first.startswith('"""') and first.rstrip('"').endswith("."))


def test_the_tests_that_are_repeated_as_on_other_processors_exist():
    """Braces are expanded by the shell, whether a file is there or not."""
    text = (ROOT / "scripts" / "test").read_text(encoding="utf-8")
    definition = text[text.index("products=(") : text.index(")\n", text.index("products=(")) + 1]
    shown = subprocess.run(
        ["bash", "-c", f'{definition}; printf "%s\\n" "${{products[@]}}"'], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split()
    for path in shown.stdout.split():
        assert (ROOT / path).exists(), path
