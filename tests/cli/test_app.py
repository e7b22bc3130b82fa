"""Mistakes of usage: one line that names the option, and never silence; help, first steps and completion."""

import re
import shlex
import subprocess
import sys

import pytest
import typer
from support.categories import toy_category

from embrec.cli.app import app
from embrec.runs.presets import preset_names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("recommend", "mine", "--k", "0"),
            "error: Invalid value for '--k' / '-k': Input should be greater than or equal to 1",
        ),
        (("recommend", "mine", "--k", "many"), "error: Invalid value for '--k' / '-k': "),
        (("recommend",), "error: Missing argument 'run' (see: "),
        (("train",), "error: no category in the workspace workspace; make one with: embrec data import --category ..."),
        (("recommend", "mine", "--fast"), "error: No such option: --fast (see: embrec recommend --help)"),
        (
            ("train", "--epoch", "3"),
            "error: No such option: --epoch. Did you mean --epochs? (see: embrec train --help)",
        ),
        (("train", "--fource"), "error: No such option: --fource. Did you mean --force? (see: embrec train --help)"),
        # What would erase a run is not proposed to who wants to go on from one.
        (("train", "--from", "mine"), "error: No such option: --from (see: embrec train --help)"),
        (("evaluate", "office/frst"), "error: no run 'office/frst' in the workspace workspace (there: none yet)"),
        (("recommended",), "error: No such command 'recommended'"),
    ],
)
def test_a_wrong_option_is_named_in_one_line(run, arguments, message):
    code, printed, errors = run(*arguments)
    assert (code, printed) == (2, "")
    assert errors.startswith(message)
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize("group", [("data",), ("compare",)])
def test_a_group_without_a_command_shows_its_help(run, group):
    code, printed, errors = run(*group)
    assert code == 2
    assert "Commands" in printed + errors
    assert "error" not in errors


def test_embrec_alone_says_how_to_begin_and_what_comes_next(run, tmp_path):
    code, printed, errors = run()
    assert (code, errors) == (0, "")
    for command in ("data import", "features build", "train", "evaluate", "recommend", "report"):
        assert f"\n  embrec {command}" in printed
    assert "The workspace workspace has no category yet.\nNext: embrec data import --help" in printed
    category = toy_category(tmp_path / "workspace")
    assert "toys (no feature tables, no runs).\nNext: embrec features build\n" in run()[1]
    category.features.mkdir()
    (category.features / "tfidf-0123abcd.h5").touch()
    assert "toys (1 feature table, no runs).\nNext: embrec train\n" in run()[1]
    (category.runs / "one").mkdir(parents=True)
    for name in ("config.yaml", "metrics.json"):
        (category.runs / "one" / name).touch()
    assert "toys (1 feature table, 1 run).\nNext: embrec recommend toys/one --sample 3\n" in run()[1]


def commands(group, path=()):
    """Every command below a group, as the words that call it."""
    for name, command in group.commands.items():
        yield (*path, name)
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize("path", [(), *commands(typer.main.get_command(app))], ids=" ".join)
def test_every_help_is_there_under_its_short_name_and_has_no_blank_for_a_default(run, path):
    code, printed, _ = run(*path, "-h")
    assert code == 0
    assert f"Usage: embrec {' '.join(path)}".strip() in printed
    assert not re.search(r"\{(model|training|search|evaluation)\.", printed)
    assert not re.search(r"spec \d", printed)


def single_commands(group, path=()):
    """Every command that does something, by the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from single_commands(command, (*path, name))
        else:
            yield (*path, name), command


@pytest.mark.parametrize(
    ("path", "command"), list(single_commands(typer.main.get_command(app))), ids=lambda value: str(value)[:40]
)
def test_every_help_has_examples_that_the_commands_take_as_they_are_printed(path, command):
    known = dict(single_commands(typer.main.get_command(app)))
    lines = [line.replace("\\[", "[") for line in (command.epilog or "").splitlines() if line.startswith("embrec ")]
    assert lines
    assert any(tuple(shlex.split(line)[1 : 1 + len(path)]) == path for line in lines)
    for line in lines:
        words = shlex.split(line)[1:]
        end = next(end for end in (1, 2) if tuple(words[:end]) in known)
        known[tuple(words[:end])].make_context("embrec", words[end:])  # raises where an option or a value is not taken


def test_the_help_of_train_has_defaults_and_examples(run):
    printed = " ".join(run("train", "--help")[1].replace("│", " ").split())
    for words in (
        "Maximum number of epochs (default: 30).",
        "Number of histories in a batch (default: 128).",
        "Learning rate of the optimiser (default: 0.001).",
        "dropped in training (default: 0.2).",
        "Seed of weights, batches and dropout (default: 0).",
        "Examples: embrec train embrec train --features tfidf --features minilm --run first",
        "see: embrec presets",
        "all of them: embrec settings",
    ):
        assert words in printed


def test_settings_are_listed_with_defaults_and_meanings(run):
    code, printed, _ = run("settings")
    assert code == 0
    assert re.search(r"training\.epochs\s+30\s+largest number", printed)
    assert re.search(r"model\.dim\s+128\s", printed)
    assert re.search(r"training\.loss\.regularization\s+1\s+of bpr-max: weight", printed)
    assert "model.layers" not in printed
    printed = run("settings", "layers", "--model", "sasrec")[1]
    assert re.search(r"model\.layers\s+1\s", printed)
    assert "training.epochs" not in printed
    code, printed, errors = run("settings", "--model", "sasrek")
    assert (code, printed) == (2, "")
    assert errors == "error: unknown model 'sasrek'; did you mean 'sasrec'? there are: embrec, sasrec, gru4rec\n"


def test_presets_are_listed_and_one_is_shown(run):
    code, printed, _ = run("presets")
    assert code == 0
    assert all(re.search(rf"^ {name}\s+[A-Z]", printed, re.MULTILINE) for name in preset_names())
    code, printed, _ = run("presets", "embrec-bpr")
    assert re.search(r"training\.loss\s+bpr\s", printed)
    assert "did you mean 'embrec-office'?" in run("presets", "embrec-ofice")[2]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion(run, monkeypatch, shell):
    monkeypatch.setenv("_EMBREC_COMPLETE", f"source_{shell}")
    code, printed, errors = run()
    assert (code, errors) == (0, "")
    assert "_EMBREC_COMPLETE=complete_" in printed


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("embrec tr", "train"),
        ("embrec train --category ", "toys"),
        ("embrec evaluate to", "toys/one"),
        ("embrec analyze map to", "toys/one"),
        ("embrec recommend to", "toys/one"),
        ("embrec score to", "toys/one"),
    ],
)
def test_a_shell_is_offered_commands_categories_and_runs(run, tmp_path, monkeypatch, line, offered):
    category = toy_category(tmp_path / "workspace")
    (category.runs / "one").mkdir(parents=True)
    (category.runs / "one" / "config.yaml").touch()
    monkeypatch.setenv("_EMBREC_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    assert offered in run()[1].split()


def test_the_first_steps_are_commands_that_exist_with_options_that_they_take(run):
    code, printed, errors = run()
    assert code == 0, errors
    steps = [line.split("  ")[1].split() for line in printed.splitlines() if line.startswith("  embrec ")]
    assert len(steps) >= 6
    for _, *words in steps:
        names = [word for word in words if word.islower() and not word.startswith("-") and "." not in word]
        command = names[: 2 if names[0] in ("data", "features") else 1]
        code, text, errors = run(*command, "--help")
        assert code == 0, errors
        assert all(word in text for word in words if word.startswith("--"))


@pytest.mark.parametrize("command", ["evaluate", "report"])
def test_a_help_that_lists_names_loads_no_torch(command):
    code = (
        "import sys; from embrec.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, command, "--help"], capture_output=True, text=True, check=True)
    assert "content-knn" in done.stdout
    assert done.stderr == "False\n"
