"""The checks for leaks that a run passed or failed, as `leaks.json` in its folder tells."""

from collections.abc import Mapping
from typing import Any

from embrec.report.page.material import Material
from embrec.report.page.parts import NONE, Cell, Section, Table

STATES = ("ok", "note", "warning")


def leaks_section(material: Material) -> Section:
    """Return the section; runs without checks are named."""
    unchecked = [run.name for run in material.runs if run.leaks is None]
    tables = [_table(run.name, run.leaks) for run in material.runs if run.leaks is not None]
    return Section("leaks", "Leak checks", "leaks.html.j2", {"tables": tables, "unchecked": unchecked})


def warnings(material: Material) -> int:
    """Return how many checks of all runs warn."""
    return sum(
        _state(check) == "warning" for run in material.runs if run.leaks is not None for check in _checks(run.leaks)
    )


def _table(run: str, leaks: Mapping[str, Any]) -> Table:
    rows = [
        (
            Cell(str(check.get("name", NONE))),
            Cell(_state(check)),
            Cell(_value(check.get("value"))),
            Cell(str(check.get("message") or NONE)),
        )
        for check in _checks(leaks)
    ]
    return Table(f"Checks of {run}", ("check", "result", "value", "what it means"), rows, frozenset({1, 3}))


def _checks(leaks: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [check for check in leaks.get("checks", []) if isinstance(check, dict)]


def _state(check: Mapping[str, Any]) -> str:
    state = str(check.get("status", "note"))
    return state if state in STATES else "note"


def _value(value: object) -> str:
    if value is None or isinstance(value, list | dict):
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
