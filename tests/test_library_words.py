"""The library names parameters; only the command line knows options and commands."""

import ast
import re
from pathlib import Path

import typer

import embrec
from embrec.cli.app import app

ROOT = Path(embrec.__file__).parent

# Parts whose messages still name options. Nothing is to be added.
UNCONVERTED: tuple[str, ...] = ()


def everything(group, path=("embrec",)):
    """Every command below a group and the group itself, by its words."""
    yield " ".join(path), group
    for name, command in getattr(group, "commands", {}).items():
        yield from everything(command, (*path, name))


COMMANDS = dict(everything(typer.main.get_command(app)))
OPTIONS = {
    flag for command in COMMANDS.values() for option in command.params for flag in option.opts if flag[:2] == "--"
}
FIRST = {words for words in COMMANDS if words.count(" ") == 1}


def spoken(text):
    """Options and commands that a text names."""
    found = [flag for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]*", text) if flag in OPTIONS]
    return found + [words for words in re.findall(r"embrec [a-z]+", text) if words in FIRST]


def test_no_module_of_the_library_names_an_option_or_a_command():
    found = {}
    for file in sorted(ROOT.rglob("*.py")):
        place = file.relative_to(ROOT)
        if place.parts[0] in ("cli", "__main__.py", *UNCONVERTED):
            continue
        constants = [
            node.value for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Constant)
        ]
        words = [word for text in constants if isinstance(text, str) for word in spoken(text)]
        if words:
            found[str(place)] = words
    assert found == {}


def test_options_and_commands_are_found_in_a_text():
    assert spoken("start over with --force, or see embrec features list") == ["--force", "embrec features"]
    assert spoken("docker run --cpus 2; --- ; embrec knows; a--force") == []
