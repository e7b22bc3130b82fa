"""The workspace, category, runs and searches that the options of a command name."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embrec.runs.folder import RunFolder
    from embrec.tuning.folder import SearchFolder
    from embrec.workspace import Category, Workspace


def open_workspace(path: Path | None) -> "Workspace":
    """Return the workspace of the option `--workspace`, or the default one."""
    from embrec.workspace import Workspace

    return Workspace.locate(path)


def open_category(name: str | None, workspace: Path | None) -> "Category":
    """Return a prepared category by name, or the only one of the workspace."""
    return open_workspace(workspace).choose(name)


def open_run(name: str, workspace: Path | None) -> "RunFolder":
    """Return a run by its name, category/run or folder."""
    from embrec.runs.folder import locate_run

    return locate_run(name, open_workspace(workspace))


def open_runs(names: Sequence[str], workspace: Path | None) -> "list[RunFolder]":
    """Return several runs by their names."""
    return [open_run(name, workspace) for name in names]


def open_search(name: str, workspace: Path | None) -> "SearchFolder":
    """Return a search by its name or category/search."""
    from embrec.tuning.folder import locate_search

    return locate_search(name, open_workspace(workspace))
