"""The checks for leaks that the runs passed or failed."""

from embrec.evaluation.leaks import Check, LeakReport, Status
from embrec.report.page.context import PageContext
from embrec.report.page.html_parts import NONE, Section, percent


def leaks_section(material: PageContext) -> Section:
    """Return the section: the checks of all runs that have the same, and the names of runs that have none."""
    groups: dict[str, tuple[list[str], LeakReport]] = {}
    for run in material.runs:
        if run.leaks is not None:
            groups.setdefault(repr(run.leaks), ([], run.leaks))[0].append(run.name)
    content = {
        "groups": [
            (f"Checks of {', '.join(runs)}", [(check, _share(check)) for check in leaks.by_weight])
            for runs, leaks in groups.values()
        ],
        "unchecked": [run.name for run in material.runs if run.leaks is None],
    }
    return Section("leaks", "Leak checks", "leaks.html.j2", content)


def warnings(material: PageContext) -> list[str]:
    """Return the names of the checks that warn, of any run."""
    found = [check for run in material.runs if run.leaks is not None for check in run.leaks.findings]
    return list(dict.fromkeys(check.name for check in found if check.status == Status.WARNING))


def _share(check: Check) -> str:
    """Show how much a check found; nothing where all is well."""
    if check.status == Status.OK:
        return ""
    return NONE if check.value is None else percent(check.value)
