"""What a search remembers of its trials: a log of one JSON line an event, which survives whatever happens to the search."""

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from embrec.errors import RunError, StorageError

Status = Literal["begun", "finished", "stopped", "failed"]
# A trial that has not ended is `begun`: it is running, or was when the search was interrupted.
ENDED: tuple[Status, ...] = ("finished", "stopped", "failed")


@dataclass(frozen=True)
class Trial:
    """One trial as the log tells it.

    Attributes:
        number: from 1, in the order of the proposals.
        point: the numbers that were proposed; see `embrec.tuning.space.number_labels`.
        settings: what they mean, dotted key -> value.
        status: how it ended, "begun" if it has not.
        epochs: the records of its epochs, as in a run's `events.jsonl`.
        error: why it failed.
        over: whether its training has come to its end, even if nobody could take note of it any more.
        machine: where it runs or ran last: the name of the machine and of Ray's node on it.
    """

    number: int
    point: Mapping[str, float]
    settings: Mapping[str, Any]
    status: Status = "begun"
    epochs: tuple[Mapping[str, Any], ...] = ()
    error: str = ""
    over: bool = False
    machine: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be done for it."""
        return self.status in ENDED

    @property
    def seconds(self) -> float:
        """Time spent in training and validation."""
        return float(self.epochs[-1]["seconds"]) if self.epochs else 0.0

    def values(self, objective: str) -> list[tuple[int, float]]:
        """Return (epoch, validation value) of each epoch that was validated."""
        return [(epoch["epoch"], epoch[f"valid {objective}"]) for epoch in self.epochs if f"valid {objective}" in epoch]

    def best(self, objective: str, sign: int) -> tuple[int, float] | None:
        """Return the (epoch, value) of its best epoch, the first of equal ones; None if it has none.

        Args:
            objective: a validation metric.
            sign: 1 if more of it is better, -1 if less is.
        """
        values = self.values(objective)
        return max(values, key=lambda one: sign * one[1]) if values else None

    def outcome(self, objective: str, sign: int) -> tuple[int, float] | None:
        """Return what the trial counts for: its best epoch and value; None if it has none, or failed."""
        return None if self.status == "failed" else self.best(objective, sign)


def best_trial(trials: Mapping[int, Trial], objective: str, sign: int) -> Trial | None:
    """Return the trial with the best value, the first of equal ones; those that failed do not count."""
    able = [(trial, found[1]) for trial in trials.values() if (found := trial.outcome(objective, sign)) is not None]
    return max(able, key=lambda one: sign * one[1])[0] if able else None


class TrialLog:
    """The log of a search; what it says is in `trials`, and every line is on the disk before a method returns.

    Args:
        path: the file; a last line that was cut off by a crash is dropped.

    Raises:
        RunError: another line is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trials: dict[int, Trial] = {}
        self.order: list[tuple[int, int]] = []  # (trial, how many epochs it had then), as it happened
        self.sessions: list[dict[str, Any]] = []
        self._end = 0
        data = path.read_bytes() if path.exists() else b""
        for place, line in enumerate(data.split(b"\n")[:-1]):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError):
                raise RunError(
                    f"{path}, line {place + 1} is damaged; remove the line, and the search does without it"
                ) from None
            self._end += len(line) + 1

    def log_session(self, **what: Any) -> None:
        """Record the start of a session of the search: its time, and the number of concurrent trials."""
        self._append({"sitting": what})

    def begin(self, number: int, point: Mapping[str, float], settings: Mapping[str, Any]) -> Trial:
        """Note that a trial is proposed."""
        self._append({"trial": number, "point": dict(point), "settings": dict(settings)})
        return self.trials[number]

    def epoch(self, number: int, record: Mapping[str, Any], machine: str, *, over: bool = False) -> Trial:
        """Note an epoch of a trial, and whether it was the last; one that is known already is left alone."""
        if all(record["epoch"] != known["epoch"] for known in self.trials[number].epochs):
            last = {"over": True} if over else {}
            self._append({"trial": number, "epoch": dict(record), "machine": machine, **last})
        return self.trials[number]

    def end(self, number: int, status: Status, error: str = "") -> Trial:
        """Note how a trial ended."""
        self._append({"trial": number, "end": status, **({"error": error} if error else {})})
        return self.trials[number]

    def _append(self, line: dict[str, Any]) -> None:
        data = (json.dumps(line, ensure_ascii=False) + "\n").encode()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.ftruncate(descriptor, self._end)
                if os.pwrite(descriptor, data, self._end) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StorageError(
                f"cannot write {self.path} ({error.strerror}); make room and resume the search"
            ) from None
        self._end += len(data)
        self._take(json.loads(data))

    def _take(self, line: Mapping[str, Any]) -> None:
        if "sitting" in line:
            self.sessions.append(dict(line["sitting"]))
            return
        number = line["trial"]
        if "settings" in line:
            self.trials[number] = Trial(number, line["point"], line["settings"])
        elif "epoch" in line:
            trial = self.trials[number]
            self.trials[number] = replace(
                trial,
                epochs=(*trial.epochs, line["epoch"]),
                machine=line.get("machine", trial.machine),
                over=line.get("over", False),
            )
            self.order.append((number, len(trial.epochs) + 1))
        else:
            self.trials[number] = replace(self.trials[number], status=line["end"], error=line.get("error", ""))
