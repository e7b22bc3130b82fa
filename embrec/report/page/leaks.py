"""The section on leak checks of the runs."""

from embrec.evaluation.leaks import Check, LeakReport, Status
from embrec.report.page.context import PageContext
from embrec.report.page.html_parts import NONE, Section, percent


def leaks_section(context: PageContext) -> Section:
    """Return the section: runs with the same results are grouped, and runs without checks are listed by name."""
    groups: dict[str, tuple[list[str], LeakReport]] = {}
    for run in context.runs:
        if run.leaks is not None:
            groups.setdefault(repr(run.leaks), ([], run.leaks))[0].append(run.name)
    content = {
        "groups": [
            (f"Checks of {', '.join(runs)}", [(check, _share(check)) for check in leaks.by_weight])
            for runs, leaks in groups.values()
        ],
        "unchecked": [run.name for run in context.runs if run.leaks is None],
    }
    return Section("leaks", "Leak checks", "leaks.html.j2", content)


def warnings(context: PageContext) -> list[str]:
    """Return the names of the checks with a warning in any run."""
    found = [check for run in context.runs if run.leaks is not None for check in run.leaks.findings]
    return list(dict.fromkeys(check.name for check in found if check.status == Status.WARNING))


def _share(check: Check) -> str:
    """Return the share that a check found; empty for a passed check."""
    if check.status == Status.OK:
        return ""
    return NONE if check.value is None else percent(check.value)
