"""A category that was imported again under its runs, as the command line tells it."""

import numpy as np
import pytest
from support.categories import toy_category, toy_run
from support.logs import shortened

from embrec.data.interactions import Interactions
from embrec.data.splits import LeaveOneOut
from embrec.data.store import Dataset, load_dataset, save_dataset


@pytest.fixture
def stale(tmp_path):
    """A run, and a category that has an earlier log than it was trained on for half of its users."""
    category = toy_category(tmp_path / "workspace")
    toy_run(category, LeaveOneOut())
    dataset = load_dataset(category)
    log = dataset.interactions
    earlier = shortened(log, 1)
    columns = [
        np.concatenate([getattr(log, name)[log.user < 30], getattr(earlier, name)[earlier.user >= 30]])
        for name in ("user", "item", "time")
    ]
    save_dataset(category, Dataset(dataset.catalog, Interactions.from_events(log.user_ids, *columns)))


COMMANDS = [
    ["evaluate", "toys/one"],
    ["compare", "runs", "toys/one", "--baseline", "pop"],
    ["report", "toys/one", "-o", "report.html"],
    ["analyze", "coverage", "toys/one"],
    ["analyze", "map", "toys/one"],
]


@pytest.mark.parametrize(
    "command", COMMANDS, ids=lambda command: command[-1] if command[0] == "analyze" else command[0]
)
def test_commands_refuse_in_one_line(run, stale, command):
    code, out, errors = run(*command)
    assert (code, out) == (2, "")
    (line,) = errors.strip().splitlines()
    assert line.startswith(
        "error: run toys/one was trained on another log than its category holds now: 30 of the 60 test "
    )


@pytest.mark.parametrize("command", COMMANDS[:2], ids=["evaluate", "compare"])
def test_a_run_of_another_log_is_measured_where_asked_for(run, stale, command):
    code, out, errors = run(*command, "--other-log")
    assert code == 0
    said = " ".join((out + errors).split())
    assert "30 of the 60 test targets are events that it was trained or validated on" in said
    assert "30 of the 60 test targets are left out for all models" in said


def test_a_category_is_removed_with_what_hangs_on_it_where_that_is_meant(run, tmp_path):
    category = toy_category(tmp_path / "workspace")
    folder = toy_run(category, LeaveOneOut()).path
    code, _, errors = run("data", "remove", "toys")
    assert code == 2
    assert (
        "error: 1 run made from category 'toys' would be removed with it; to remove all of it, pass --force" in errors
    )
    assert folder.exists()
    (category.path / "notes.txt").write_text("of the user")
    code, _, errors = run("data", "remove", "toys", "--force")
    assert (code, errors.strip()) == (0, "removed category toys with 1 run")
    assert [path.name for path in category.path.iterdir()] == ["notes.txt"]
    code, _, errors = run("data", "remove", "toys")
    assert (code, "no category 'toys'" in errors) == (2, True)


def test_a_category_without_runs_is_removed_at_once(run, tmp_path):
    category = toy_category(tmp_path / "workspace")
    assert run("data", "remove", "toys")[0] == 0
    assert not category.path.exists()
