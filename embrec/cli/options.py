"""What several commands share, so that it reads alike everywhere: their options, and the command as it was given."""

import shlex
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from embrec.evaluation.leaks import LeakReport
    from embrec.workspace import Category as CategoryFolder


def complete_category(context: typer.Context, incomplete: str) -> list[str]:
    """Return the categories that a shell may offer."""
    from embrec.workspace import Workspace as Workspaces

    there = Workspaces.locate(context.params.get("workspace")).categories()
    return [category.name for category in there if category.name.startswith(incomplete)]


def complete_run(context: typer.Context, incomplete: str) -> list[str]:
    """Return the runs that a shell may offer, as category/run."""
    return _made(context, incomplete, "*/runs/*/config.yaml")


def complete_search(context: typer.Context, incomplete: str) -> list[str]:
    """Return the searches that a shell may offer, as category/search."""
    return _made(context, incomplete, "*/searches/*/search.yaml")


def _made(context: typer.Context, incomplete: str, pattern: str) -> list[str]:
    from embrec.workspace import Workspace as Workspaces

    files = sorted(Workspaces.locate(context.params.get("workspace")).path.glob(pattern))
    names = [f"{file.parts[-4]}/{file.parts[-2]}" for file in files]
    return [name for name in names if name.startswith(incomplete)]


Category = Annotated[
    str | None,
    typer.Option(
        "--category",
        help="Name of a prepared data set (default: the only one).",
        autocompletion=complete_category,
        show_default=False,
    ),
]
Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        help="Folder of all categories (default: $EMBREC_WORKSPACE, else ./workspace).",
        show_default=False,
    ),
]
Split = Annotated[
    str,
    typer.Option(
        "--split",
        help="leave-one-out, per-user-ratio, user-holdout, global-time or item-holdout, with parameters behind colons: "
        "global-time:targets=last, item-holdout:fraction=0.2:seed=1.",
    ),
]
Baselines = Annotated[
    list[str] | None,
    typer.Option(
        "--baseline",
        help="Baseline beside the models: pop, markov or content-knn; may be repeated; none for none (default: all that can "
        "be computed).",
    ),
]
Seen = Annotated[str | None, typer.Option("--seen", help="Items of the history as candidates: exclude or keep.")]
Ties = Annotated[str | None, typer.Option("--ties", help="Rank of tied targets: mean, optimistic, pessimistic.")]
Candidates = Annotated[
    str | None,
    typer.Option(
        "--candidates",
        help="What targets are ranked among: all, seen-so-far, or a sample for parity with papers, such as "
        "sampled:count=99:by=popularity:seed=1 (default: the run's).",
    ),
]
OtherLog = Annotated[
    bool,
    typer.Option(
        "--other-log",
        help="Also measure runs that were trained on another log than their category holds now, without the targets that "
        "they learned from.",
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        help="A published or measured setting, such as embrec-office (see: embrec presets); several with + between them.",
    ),
]
Seeds = Annotated[
    str, typer.Option("--seeds", help="How many models each gets, with seeds from 0 (3), or their seeds (0,1,2).")
]


def read_seeds(text: str) -> int | tuple[int, ...]:
    """Return how many seeds, or which ones.

    Raises:
        ConfigError: the text is neither a number nor numbers with commas between them.
    """
    from embrec.errors import ConfigError

    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--seeds is {text!r}; give how many (3), or which (0,1,2)") from None
    return numbers if "," in text else numbers[0]


def print_leaks(told: Collection[str], command: str, report: "LeakReport") -> None:
    """Print what the checks for leaks found: what no run before has told in full, the rest in one line."""
    from embrec.cli.console import print_note

    for line in report.new_lines(told, f"in full: {command}"):
        print_note(line)


def print_leaks_of(category: "CategoryFolder", runs: Iterable[str], told: Collection[str], split: str) -> None:
    """Print what the checks for leaks found in several runs of a category, each finding once.

    Args:
        category: of the runs.
        runs: their names.
        told: what was told before they were trained; see `findings_told`.
        split: theirs, as `--split` names it.
    """
    from embrec.evaluation.leaks import LeakReport
    from embrec.runs.folder import RunFolder

    reports = [RunFolder(category.runs / name).read_leaks() for name in runs]
    checks = {(check.name, check.meaning): check for report in reports if report is not None for check in report.checks}
    print_leaks(told, split_command(category, split), LeakReport(tuple(checks.values())))


def split_command(category: "CategoryFolder", split: str) -> str:
    """Return the command that shows what the checks for leaks find in a split."""
    return f"embrec data split --category {category.name} --split {split}"


def command_line() -> str:
    """Return the command that runs, as a shell reads it: what reports say that they were made by."""
    return shlex.join(["embrec", *sys.argv[1:]])
