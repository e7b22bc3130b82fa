"""The command `embrec doctor`: installed packages, missing extras and the workspace."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from embrec.cli.options import Workspace
from embrec.cli.places import open_workspace

if TYPE_CHECKING:
    from embrec.registry import Registry


def doctor(
    workspace: Workspace = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print versions, devices, the workspace, what is installed and what each extra would add."""
    import json

    from embrec.cli.console import answers, print_line, print_table
    from embrec.diagnosis import diagnose

    report = diagnose(open_workspace(workspace), _registries())
    if json_output:
        answers().print_json(json.dumps(report.as_dict()))
        return
    print_table("system", ["what", "value"], list(report.system.items()))
    print_table("packages", ["package", "version", "for"], [list(row) for row in report.packages])
    print_table("extras", ["extra", "state", "what it adds", "install with"], [list(row) for row in report.extras])
    if report.plugins:
        rows = [[what, name, package, fault or "ok"] for what, name, package, fault in report.plugins]
        print_table("from other packages", ["what", "name", "package", "state"], rows)
    if report.categories:
        print_table("categories", ["category", "runs"], [list(row) for row in report.categories])
    else:
        answers().print("no categories in the workspace yet; make one with: embrec data import")
    for problem in report.problems:
        print_line(f"problem: {problem}")


def _registries() -> "tuple[Registry[Any], ...]":
    """Return what installed packages may add to; nothing where torch cannot be loaded, which is told as a problem."""
    try:
        from embrec.evaluation.metrics import METRICS
        from embrec.models.baselines.registry import BASELINES
        from embrec.models.losses.config import LOSSES
        from embrec.models.registry import MODELS
    except (ImportError, OSError):
        return ()
    return MODELS, LOSSES, BASELINES, METRICS
