"""What a comparison keeps on disk, so that it can be killed at any moment and repeats nothing: one file a result."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from embrec.data.store import in_use
from embrec.errors import RunError
from embrec.evaluation.evaluator import Evaluation
from embrec.files import tidy, write_json
from embrec.locks import locked
from embrec.runs.cache import load_evaluation, save_evaluation
from embrec.runs.folder import RunFolder
from embrec.runs.settings import dotted
from embrec.workspace import Category

FORMAT = 3


@dataclass(frozen=True)
class ComparisonFolder:
    """A comparison as it was asked for, and the results that are there already.

    Attributes:
        path: the folder.
        identity: what all of its runs share, as plain values.
        sides: names of what is compared: all that were ever asked for, in that order.
        seeds: all that were ever asked for, from the lowest.
    """

    path: Path
    identity: Mapping[str, Any]
    sides: tuple[str, ...]
    seeds: tuple[int, ...]

    @classmethod
    def open(
        cls, path: Path, identity: Mapping[str, Any], sides: Sequence[str], seeds: Sequence[int]
    ) -> "ComparisonFolder":
        """Return a new comparison, or one that was begun, whose sides and seeds may only become more; nothing is written.

        Args:
            path: its folder.
            identity: what all of its runs share, as plain values.
            sides: those that are asked for now.
            seeds: those that are asked for now.

        Raises:
            RunError: the comparison was begun with another configuration or other data, or cannot be read.
        """
        file = path / "comparison.json"
        state: dict[str, Any] = {"sides": [], "seeds": []}
        if file.is_file():
            state = _read(file)
            before, now = (
                dotted({**state["identity"], "format": state["format"]}),
                dotted({**identity, "format": FORMAT}),
            )
            for key in [*sorted(before.keys() & now.keys()), *sorted(before.keys() ^ now.keys())]:
                if before.get(key) != now.get(key):
                    raise RunError(
                        f"comparison {path.name!r} was begun with {key} = {before.get(key)}, now it is {now.get(key)}; "
                        "choose another --name (finished runs are used again where they fit)"
                    )
        together = tuple(dict.fromkeys([*state["sides"], *sides]))
        return cls(path, identity, together, tuple(sorted({*state["seeds"], *seeds})))

    @contextlib.contextmanager
    def work(self, category: Category) -> Iterator[None]:
        """Write what is asked for, and keep others from the folder and from the data while it is done.

        Raises:
            RunError: another process works on the same comparison.
            DataError: the category is being imported.
        """
        state = {
            "format": FORMAT,
            "identity": dict(self.identity),
            "sides": list(self.sides),
            "seeds": list(self.seeds),
        }
        busy = RunError(
            f"comparison {self.path.name!r} is being made by another process; wait for it or stop it, or choose another --name"
        )
        with in_use(category), locked(self.path / ".lock", busy):
            if (file := self.path / "comparison.json").is_file():
                there = _read(file)
                if set(there["sides"]) - set(self.sides) or set(there["seeds"]) - set(self.seeds):
                    raise busy  # it was given more since it was opened
            for folder in (self.path, self.path / "evaluations", self.path / "silhouettes"):
                tidy(folder)
            write_json(self.path / "comparison.json", state)
            yield

    def evaluation(self, run: RunFolder, without: str | None = None) -> Evaluation | None:
        """Return the ranks of a run's test targets, without one of its sources if that is named; None if they are not there."""
        try:
            return load_evaluation(self._evaluation_file(run, without))
        except (OSError, SafetensorError, KeyError):
            return None

    def save_evaluation(self, run: RunFolder, evaluation: Evaluation, without: str | None = None) -> None:
        """Keep the ranks of a run's test targets."""
        save_evaluation(self._evaluation_file(run, without), evaluation)

    def _evaluation_file(self, run: RunFolder, without: str | None) -> Path:
        """Name a file after all that its ranks depend on: what the run was begun with, and the weights it ended with."""
        digest = hashlib.blake2b(run.fingerprint().encode() + run.weights.read_bytes(), digest_size=8)
        return self.path / "evaluations" / f"{digest.hexdigest()}{f'.without.{without}' if without else ''}.safetensors"

    def silhouette(self, key: str) -> float | None:
        """Return a silhouette that was computed before.

        Raises:
            KeyError: there is none of that key.
        """
        try:
            value = json.loads(self._silhouette_file(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise KeyError(key) from None
        return None if value is None else float(value)

    def save_silhouette(self, key: str, value: float | None) -> None:
        """Keep a silhouette."""
        write_json(self._silhouette_file(key), value)

    def _silhouette_file(self, key: str) -> Path:
        return self.path / "silhouettes" / f"{key}.json"


def _read(file: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        _ = state["format"], state["identity"], state["sides"], state["seeds"]
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file} cannot be read ({error!r}); delete it, or choose another --name") from None
    return state
