"""The checks for leaks that a run passed or failed, as `leaks.json` in its folder tells."""

from collections.abc import Mapping
from typing import Any

from embrec.report.page.material import Material
from embrec.report.page.parts import NONE, Section, count, percent

_STATES = ("warning", "note", "ok")  # the order in which they matter


def leaks_section(material: Material) -> Section:
    """Return the section: the checks of all runs that have the same, and the names of runs that have none."""
    groups: dict[str, tuple[list[str], Mapping[str, Any]]] = {}
    for run in material.runs:
        if run.leaks is not None:
            groups.setdefault(repr(run.leaks), ([], run.leaks))[0].append(run.name)
    content = {
        "groups": [_group(runs, leaks) for runs, leaks in groups.values()],
        "unchecked": [run.name for run in material.runs if run.leaks is None],
    }
    return Section("leaks", "Leak checks", "leaks.html.j2", content)


def warnings(material: Material) -> list[str]:
    """Return the names of the checks that warn, of any run."""
    return list(
        dict.fromkeys(
            _text(check, "name")
            for run in material.runs
            if run.leaks is not None
            for check in _checks(run.leaks)
            if _state(check) == "warning"
        )
    )


def _group(runs: list[str], leaks: Mapping[str, Any]) -> dict[str, Any]:
    checks = sorted(_checks(leaks), key=lambda check: _STATES.index(_state(check)))
    return {
        "title": f"Checks of {', '.join(runs)}",
        "checks": [
            {
                "name": _text(check, "name"),
                "state": _state(check),
                "share": "" if _state(check) == "ok" else _value(check.get("value")),
                "meaning": _text(check, "meaning", "message"),
            }
            for check in checks
        ],
    }


def _checks(leaks: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [check for check in leaks.get("checks", []) if isinstance(check, dict)]


def _state(check: Mapping[str, Any]) -> str:
    state = str(check.get("status", "note"))
    return state if state in _STATES else "note"


def _text(check: Mapping[str, Any], *names: str) -> str:
    return next((str(check[name]) for name in names if check.get(name)), NONE)


def _value(value: object) -> str:
    """Show what a check found: a share of the targets, or nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return NONE
    return percent(value) if 0 <= value <= 1 else count(value)
