"""Messages of the library on the command line: options and commands in the place of Python code in backticks."""

import pytest
import typer

from embrec.cli import messages
from embrec.cli.app import app
from embrec.cli.messages import speak_for, translate
from embrec.parameters import call, parameter

ROOT = typer.main.get_command(app)


def running(*words):
    """Let a command be the one that runs, without running it."""
    context = ROOT.make_context("embrec", [], resilient_parsing=True)
    for word in words:
        context = context.command.commands[word].make_context(word, [], parent=context, resilient_parsing=True)
    speak_for(context)


@pytest.mark.parametrize(
    ("command", "code", "expected"),
    [
        ("train", parameter("force", True), "--force"),
        ("train", parameter("epochs"), "--epochs"),
        ("train", parameter("batch_size", 16), "--batch-size 16"),
        ("train", parameter("name"), "--run"),
        ("train", parameter("name", "..."), "--run ..."),
        ("tune", parameter("name"), "--name"),
        ("tune", parameter("every", True), "--all"),
        ("train", parameter("features", ["tfidf", "my table"]), "--features tfidf --features 'my table'"),
        ("tune", parameter("seeds", (0, 1)), "--seeds 0,1"),
        ("data import", parameter("time_column", "@row"), "--time-column @row"),
        ("data import", parameter("filter"), "--filter"),
        ("data import", parameter("histories", "first"), "--histories first"),
        ("recommend", parameter("histories"), "--history"),
        ("score", parameter("histories"), "embrec recommend --history"),
        ("evaluate", parameter("other_log", True), "--other-log"),
        ("recommend", parameter("other_log", True), "embrec evaluate --other-log"),
        ("compare encoders", parameter("encoders"), "--encoder"),
        (
            "train",
            parameter("min_history", 3),
            "min_history=3",
        ),  # of another command, and no table knows which is meant
    ],
)
def test_a_parameter_is_the_option_of_the_running_command(command, code, expected):
    running(*command.split())
    assert translate(f"choose another; use {code}, please") == f"choose another; use {expected}, please"


@pytest.mark.parametrize(
    ("command", "code", "expected"),
    [
        ("train", parameter("training.select_by", "auc"), "--set training.select_by=auc"),
        ("train", parameter("training.select_by"), "training.select_by"),
        ("train", parameter("training.loss", "bpr"), "--loss bpr"),
        ("tune", parameter("training.select_by", "auc"), "--objective auc"),
        ("compare losses", parameter("training.loss", "bpr"), "--set training.loss=bpr"),
        ("train", parameter("evaluation.metrics", ["auc", "hr@10"]), "--set 'evaluation.metrics=[auc, hr@10]'"),
        ("train", parameter("training.validates", False), "--set training.validates=false"),
        ("evaluate", parameter("evaluation.seen", "keep"), "--seen keep"),
        ("data split", parameter("evaluation.seen", "keep"), "embrec train --set evaluation.seen=keep"),
        ("train", parameter("model.source", "id"), "--source id"),
        ("train", parameter("model.features"), "--features"),
        ("compare losses", parameter("model.features"), "--features"),
        ("compare losses", parameter("model.source", "id"), "--set model.source=id"),
        ("score", parameter("model.source", "content"), "embrec train --source content"),
    ],
)
def test_a_setting_is_given_by_its_own_option_or_by_set(command, code, expected):
    running(*command.split())
    assert translate(f"use {code}") == f"use {expected}"


@pytest.mark.parametrize(
    ("command", "code", "expected"),
    [
        (
            "train",
            call("build_features", category="office", encoders=["tfidf", "minilm"]),
            "embrec features build --category office --encoder tfidf --encoder minilm",
        ),
        ("train", call("import_data"), "embrec data import --category ..."),
        ("train", call("import_data", category="shop"), "embrec data import --category shop ..."),
        ("train", call("PreparationConfig", ties="shuffle:seed=0"), "embrec data import --ties shuffle:seed=0"),
        ("train", call("GlobalTime"), "--split global-time"),
        ("evaluate", call("ItemHoldout", fraction=0.2), "embrec train --split item-holdout:fraction=0.2"),
        ("score", call("with_items", items="FILE"), "--items FILE"),
        ("recommend", call("with_items", items="FILE"), "embrec score --items FILE"),
        ("data import", call("source_guides"), "embrec data sources"),
        ("data import", call("TableSource"), "--source table"),
        ("data import", call("SequencesSource", path="x y.txt"), "--source sequences --path 'x y.txt'"),
        ("train", call("CompleteJourneySource"), "embrec data import --source complete-journey"),
        ("tune", call("resumed_search", name="office/x"), "embrec tune --resume office/x"),
        ("evaluate", call("compare_runs", dimensions=["tied"]), "embrec compare runs --slice tied"),
        ("evaluate", call("compare_runs", runs=["office/a", "b c"]), "embrec compare runs office/a 'b c'"),
    ],
)
def test_a_call_is_the_command_that_makes_it(command, code, expected):
    running(*command.split())
    assert translate(f"do so with: {code}") == f"do so with: {expected}"


@pytest.mark.parametrize(
    "text",
    [
        "no code at all, not even a --flag",
        "`rm -rf`",
        "`unheard_of`",
        "`unheard_of=3`",
        "`unheard.of=3`",
        "`unheard_of(category='x')`",
        "`train('positional')`",
        "`train(unheard_of=1)`",
        "`force=__import__('os')`",
        "`force = True`",  # not as embrec.parameters writes it
        "`force=True",
        "item 'a `force=' in it",
        "column '`category`' of the file",  # a name of the user's, in quotes
        "``",
        "`UnknownSource()`",
    ],
)
def test_what_the_library_did_not_write_is_left_alone(text):
    running("train")
    assert translate(text) == text


def test_before_a_command_runs_nothing_is_translated():
    speak_for(None)
    assert translate("`force=True`") == "`force=True`"


def test_every_name_of_the_tables_is_there():
    commands = dict(messages._commands(ROOT))
    tables = [(path, names.values()) for path, names in messages._FUNCTIONS.values()]
    tables += [(path, names.values()) for path, names in messages._OWN_SETTINGS.items()]
    tables += [(path, names.values()) for path, names in messages._NAMES.items() if path]
    tables += [(path, [name]) for path, name in messages._ELSEWHERE.values()]
    for path, names in tables:
        if path in commands or path != "compare models":
            assert all(messages._option(commands[path], name) for name in names), path


def test_an_error_of_a_command_names_its_options(run, tmp_path, monkeypatch):
    from embrec.errors import RunError

    def refuse(*_, **__):
        raise RunError(f"taken; start over with {parameter('force', True)} or choose another {parameter('name')}")

    from support.categories import toy_category

    toy_category(tmp_path / "workspace")
    monkeypatch.setattr("embrec.runs.planning.complete_config", refuse)
    assert run("train")[::2] == (2, "error: taken; start over with --force or choose another --run\n")
