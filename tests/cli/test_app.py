"""Mistakes of usage: one line that names the option, and never silence."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("recommend", "mine", "--k", "0"),
            "error: Invalid value for '--k': Input should be greater than or equal to 1",
        ),
        (("recommend", "mine", "--k", "many"), "error: Invalid value for '--k': "),
        (("recommend",), "error: Missing argument 'run' (see: "),
        (("train",), "error: no category in the workspace workspace; make one with: embrec data import --category ..."),
        (("recommend", "mine", "--fast"), "error: No such option: --fast"),
        (("recommended",), "error: No such command 'recommended'"),
    ],
)
def test_a_wrong_option_is_named_in_one_line(run, arguments, message):
    code, printed, errors = run(*arguments)
    assert (code, printed) == (2, "")
    assert errors.startswith(message)
    assert len(errors.splitlines()) == 1


@pytest.mark.parametrize("group", [(), ("data",), ("compare",)])
def test_a_group_without_a_command_shows_its_help(run, group):
    code, printed, errors = run(*group)
    assert code == 2
    assert "Commands" in printed + errors
    assert "error" not in errors
