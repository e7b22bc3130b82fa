"""Printing of what many commands say: tables, notes, warnings, and the findings of the checks for leaks."""

import shlex
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embrec.comparisons.tables import Table
    from embrec.evaluation.leaks import LeakReport
    from embrec.workspace import Category


def print_tables(tables: "Iterable[Table]") -> None:
    """Print tables as results."""
    from embrec.cli.console import print_table

    for table in tables:
        print_table(table.title, table.columns, table.rows)


def print_notes(notes: Iterable[str]) -> None:
    """Print notes of the library, each in a line that begins with `note:`."""
    from embrec.cli.console import print_note

    for note in notes:
        print_note(f"note: {note}")


def print_warnings(warnings: Iterable[str]) -> None:
    """Print warnings that belong to the results."""
    from embrec.cli.console import print_text

    for warning in warnings:
        print_text(f"warning: {warning}")


def print_leaks(told: Collection[str], command: str, report: "LeakReport") -> None:
    """Print the findings of the checks for leaks: new ones in full, those that an earlier run printed in one line.

    Args:
        told: meanings of the findings that earlier runs have printed; see `known_findings`.
        command: the command that prints all of them.
        report: the findings.
    """
    from embrec.cli.console import print_note

    for line in report.new_lines(told, f"in full: {command}"):
        print_note(line)


def print_leaks_of(category: "Category", runs: Iterable[str], told: Collection[str], split: str) -> None:
    """Print the findings of the checks for leaks in several runs of a category, each finding once.

    Args:
        category: the category of the runs.
        runs: the names of the runs.
        told: meanings of the findings printed before the runs were trained; see `known_findings`.
        split: the split of the runs, as `--split` names it.
    """
    from embrec.evaluation.leaks import LeakReport
    from embrec.runs.folder import RunFolder

    reports = [RunFolder(category.runs / name).read_leaks() for name in runs]
    checks = {(check.name, check.meaning): check for report in reports if report is not None for check in report.checks}
    print_leaks(told, split_command(category, split), LeakReport(tuple(checks.values())))


def fail_for(failures: Mapping[str, str]) -> None:
    """Raise a RunError that says which variants of a comparison failed and why, if any did."""
    from embrec.errors import RunError

    if failures:
        raise RunError(f"not compared: {'; '.join(f'{failed}: {reason}' for failed, reason in failures.items())}")


def split_command(category: "Category", split: str) -> str:
    """Return the command that prints the findings of the checks for leaks in a split."""
    return f"embrec data split --category {category.name} --split {split}"


def command_line() -> str:
    """Return the running command as a shell reads it; reports name it as the command that made them."""
    return shlex.join(["embrec", *sys.argv[1:]])
