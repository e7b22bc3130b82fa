"""Report of the checks for leaks, as lines for people and as JSON."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from embrec.names import unknown

# A finding about this share of the test targets changes the meaning of their metrics; a smaller one is only a note.
MANY = 0.05


class Status(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    """Nothing was found."""
    NOTE = "note"
    """The metrics must be read with this in mind."""
    WARNING = "warning"
    """The metrics are misleading."""


_WEIGHTIEST_FIRST = (Status.WARNING, Status.NOTE, Status.OK)


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Attributes:
        name: name of the check, the same for all data.
        status: severity of the finding.
        value: share that was found, from 0 to 1; None if there was nothing to check.
        counts: numbers behind the value, by name.
        meaning: one sentence about the finding and its remedy.
    """

    name: str
    status: Status
    value: float | None
    counts: Mapping[str, int | float]
    meaning: str


@dataclass(frozen=True)
class LeakReport:
    """The results of the checks of one split, in a fixed order."""

    checks: tuple[Check, ...]

    def __getitem__(self, name: str) -> Check:
        """Return a check by name.

        Raises:
            KeyError: there is no such check.
        """
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(unknown("check", name, [check.name for check in self.checks]))

    @property
    def by_weight(self) -> tuple[Check, ...]:
        """All checks, the most severe first: warnings, notes, then those that found nothing."""
        return tuple(sorted(self.checks, key=lambda check: _WEIGHTIEST_FIRST.index(check.status)))

    @property
    def findings(self) -> tuple[Check, ...]:
        """The checks that found something, warnings first."""
        return tuple(check for check in self.by_weight if check.status != Status.OK)

    def lines(self, *, every: bool = False) -> list[str]:
        """Return the report for people: a line for each finding, then the checks that found nothing.

        Args:
            every: give the checks that found nothing a line each, instead of one line for all.
        """
        fine = [check for check in self.checks if check.status == Status.OK]
        lines = [f"{check.status}: {check.name}: {check.meaning}" for check in self.findings]
        if every:
            return lines + [f"ok: {check.name}: {check.meaning}" for check in fine]
        return lines + (
            [f"checked for leaks, nothing found: {', '.join(check.name for check in fine)}"] if fine else []
        )

    def new_lines(self, told: Collection[str], where: str) -> list[str]:
        """Return the report for people who have seen some of the findings before: new ones in full, the others in one line.

        Args:
            told: meanings of the checks that they have seen.
            where: command or call that shows the whole report.
        """
        new = LeakReport(tuple(check for check in self.checks if check.meaning not in told))
        if not self.checks or len(new.checks) == len(self.checks):
            return self.lines()
        known = [check for check in self.findings if check.meaning in told]
        names = [
            f"{status}{'s' * (len(found) > 1)}: {', '.join(found)}"
            for status in (Status.WARNING, Status.NOTE)
            if (found := [check.name for check in known if check.status == status])
        ]
        again = f"as reported before ({where}): {'; '.join(names)}" if names else ""
        return [*(new.lines() if new.findings else []), *([again] if again else [])]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values for JSON."""
        return {"checks": [asdict(check) for check in self.checks]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LeakReport":
        """Return the report of values that `as_dict` returned."""
        return cls(tuple(Check(**{**check, "status": Status(check["status"])}) for check in values["checks"]))


def share(part: int, whole: int) -> float:
    """Return a part as a share of the whole, from 0 to 1; 0 if the whole is 0."""
    return part / whole if whole else 0.0


def percent(value: float) -> str:
    """Return a share as a text, with 0 % and 100 % only for exactly 0 and 1.

    >>> percent(0.6541), percent(0.00001), percent(0.99999), percent(0)
    ('65.4 %', 'less than 0.1 %', 'more than 99.9 %', '0 %')
    """
    if value in (0, 1):
        return f"{100 * value:.0f} %"
    if value < 0.001:
        return "less than 0.1 %"
    return "more than 99.9 %" if value > 0.999 else f"{100 * value:.1f} %"


def graded(value: float) -> Status:
    """Return the severity of a finding about a share of the test targets."""
    if not value:
        return Status.OK
    return Status.WARNING if value >= MANY else Status.NOTE
