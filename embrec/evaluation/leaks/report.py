"""What the checks for leaks found, as plain values: for people one line a check, for programs JSON."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from embrec.names import unknown

# A finding of this share of the test targets changes what their metrics mean; of fewer, it is good to know.
MANY = 0.05


class Status(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    """Nothing was found."""
    NOTE = "note"
    """The figures are to be read with it in mind."""
    WARNING = "warning"
    """The figures do not mean what they seem to."""


_WEIGHTIEST_FIRST = (Status.WARNING, Status.NOTE, Status.OK)


@dataclass(frozen=True)
class Check:
    """One thing that was looked for.

    Attributes:
        name: what, in a few words; the same for the same check on other data.
        status: how much it matters.
        value: the share that was found, from 0 to 1; None where there was nothing to look at.
        counts: what it was counted from, and what goes with it.
        meaning: one sentence that says what was found and what to do about it.
    """

    name: str
    status: Status
    value: float | None
    counts: Mapping[str, int | float]
    meaning: str


@dataclass(frozen=True)
class LeakReport:
    """The checks of one split of a data set, in a fixed order."""

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
        """All checks, those that matter most first: warnings, notes, then what is fine."""
        return tuple(sorted(self.checks, key=lambda check: _WEIGHTIEST_FIRST.index(check.status)))

    @property
    def findings(self) -> tuple[Check, ...]:
        """The checks that found something, warnings first."""
        return tuple(check for check in self.by_weight if check.status != Status.OK)

    def lines(self, *, every: bool = False) -> list[str]:
        """Return the report for people: a line for each finding, then what was fine, in one line or, on request, one each."""
        fine = [check for check in self.checks if check.status == Status.OK]
        lines = [f"{check.status}: {check.name}: {check.meaning}" for check in self.findings]
        if every:
            return lines + [f"ok: {check.name}: {check.meaning}" for check in fine]
        return lines + (
            [f"checked for leaks, nothing found: {', '.join(check.name for check in fine)}"] if fine else []
        )

    def new_lines(self, told: Collection[str], where: str) -> list[str]:
        """Return the report for people who have read some of it before: what is new in full, the rest in one line.

        Args:
            told: meanings of the checks that they have read.
            where: what shows all of it, such as a command.
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
        again = f"as told before ({where}): {'; '.join(names)}" if names else ""
        return [*(new.lines() if new.findings else []), *([again] if again else [])]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return {"checks": [asdict(check) for check in self.checks]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "LeakReport":
        """Return the report that `as_dict` gave."""
        return cls(tuple(Check(**{**check, "status": Status(check["status"])}) for check in values["checks"]))


def share(part: int, whole: int) -> float:
    """Return a part of a whole from 0 to 1; 0 of nothing."""
    return part / whole if whole else 0.0


def percent(value: float) -> str:
    """Return a share in words, never 0 % or 100 % where it is not.

    >>> percent(0.6541), percent(0.00001), percent(0.99999), percent(0)
    ('65.4 %', 'less than 0.1 %', 'more than 99.9 %', '0 %')
    """
    if value in (0, 1):
        return f"{100 * value:.0f} %"
    if value < 0.001:
        return "less than 0.1 %"
    return "more than 99.9 %" if value > 0.999 else f"{100 * value:.1f} %"


def graded(value: float) -> Status:
    """Return how much a share of the test targets matters."""
    if not value:
        return Status.OK
    return Status.WARNING if value >= MANY else Status.NOTE
