"""The log of a search: one JSON line per event of a trial, written so that it survives a crash at any moment."""

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from embrec.errors import RunError, StorageError

Status = Literal["begun", "finished", "stopped", "failed"]
# A trial with status `begun` is running, or was running when the search was interrupted.
ENDED: tuple[Status, ...] = ("finished", "stopped", "failed")


@dataclass(frozen=True)
class Trial:
    """One trial of a search, as the log records it.

    Attributes:
        number: number of the trial, from 1, in the order of the proposals.
        point: the proposed numbers; see `embrec.tuning.space.number_labels`.
        settings: the settings that they encode, dotted key -> value.
        status: how the trial ended; "begun" if it has not.
        epochs: records of its epochs, as in `events.jsonl` of a run.
        error: reason of a failure; empty otherwise.
        over: True if the training has ended, even if the search was interrupted before it recorded the end of the trial.
        machine: name of the machine, and of Ray's node on it, where the trial ran last.
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
        """True if the trial is finished, stopped or failed."""
        return self.status in ENDED

    @property
    def seconds(self) -> float:
        """Duration of training and validation."""
        return float(self.epochs[-1]["seconds"]) if self.epochs else 0.0

    def values(self, objective: str) -> list[tuple[int, float]]:
        """Return (epoch, validation value) of each epoch with validation."""
        return [(epoch["epoch"], epoch[f"valid {objective}"]) for epoch in self.epochs if f"valid {objective}" in epoch]

    def best(self, objective: str, sign: int) -> tuple[int, float] | None:
        """Return (epoch, value) of the best epoch, the first of equal ones; None if no epoch was validated.

        Args:
            objective: validation metric.
            sign: 1 if larger values are better, -1 if smaller ones are.
        """
        values = self.values(objective)
        return max(values, key=lambda one: sign * one[1]) if values else None

    def outcome(self, objective: str, sign: int) -> tuple[int, float] | None:
        """Return (epoch, value) of the best epoch; None if the trial failed or has no value."""
        return None if self.status == "failed" else self.best(objective, sign)


def best_trial(trials: Mapping[int, Trial], objective: str, sign: int) -> Trial | None:
    """Return the trial with the best value, the first of equal ones; failed trials are left out."""
    able = [(trial, found[1]) for trial in trials.values() if (found := trial.outcome(objective, sign)) is not None]
    return max(able, key=lambda one: sign * one[1])[0] if able else None


class TrialLog:
    """The log of a search, kept in memory and on disk.

    Every method that records an event returns only after its line is on the disk (`fsync`). A search can thus be killed at any
    moment, and the next session reads the log and resumes.

    Attributes:
        path: the file.
        trials: trials by number.
        order: (trial, its number of epochs at that time) for every recorded epoch, in the order of the log.
        sessions: records of the sessions of the search.

    Args:
        path: the file, read if it exists. A last line that a crash cut off is dropped.

    Raises:
        RunError: any other line is damaged.

    Examples:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "trials.jsonl"
        >>> log = TrialLog(path)
        >>> trial = log.begin(1, {"model.dropout": 0.25}, {"model.dropout": 0.25})
        >>> trial = log.epoch(1, {"epoch": 1, "valid ndcg@10": 0.04, "seconds": 2.0}, "machine")
        >>> trial = log.end(1, "finished")
        >>> TrialLog(path).trials[1].best("ndcg@10", sign=1)
        (1, 0.04)
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trials: dict[int, Trial] = {}
        self.order: list[tuple[int, int]] = []
        self.sessions: list[dict[str, Any]] = []
        self._end = 0
        data = path.read_bytes() if path.exists() else b""
        for place, line in enumerate(data.split(b"\n")[:-1]):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError):
                raise RunError(
                    f"{path}, line {place + 1} is damaged; delete the line to continue the search without it"
                ) from None
            self._end += len(line) + 1

    def log_session(self, **what: Any) -> None:
        """Record the start of a session of the search: its time, and the number of concurrent trials."""
        self._append({"sitting": what})

    def begin(self, number: int, point: Mapping[str, float], settings: Mapping[str, Any]) -> Trial:
        """Record a new trial."""
        self._append({"trial": number, "point": dict(point), "settings": dict(settings)})
        return self.trials[number]

    def epoch(self, number: int, record: Mapping[str, Any], machine: str, *, over: bool = False) -> Trial:
        """Record an epoch of a trial, and whether it was the last; an epoch that is already recorded is ignored."""
        if all(record["epoch"] != known["epoch"] for known in self.trials[number].epochs):
            last = {"over": True} if over else {}
            self._append({"trial": number, "epoch": dict(record), "machine": machine, **last})
        return self.trials[number]

    def end(self, number: int, status: Status, error: str = "") -> Trial:
        """Record how a trial ended."""
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
