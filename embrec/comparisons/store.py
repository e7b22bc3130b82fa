"""ComparisonFolder: the state of a comparison on disk, so that it can be killed at any moment and repeats nothing."""

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
from embrec.parameters import parameter
from embrec.runs.cache import load_evaluation
from embrec.runs.folder import RunFolder
from embrec.runs.settings import dotted
from embrec.workspace import Category

FORMAT = 3
_ANOTHER_NAME = f"choose another {parameter('name')}"


@dataclass(frozen=True)
class ComparisonFolder:
    """The request of a comparison, and the silhouettes that were computed already.

    The ranks of its runs lie in the folders of the runs; see `embrec.runs.cache`.

    Attributes:
        path: the folder.
        identity: what all of its runs share, as plain values.
        variants: names of all variants that were ever requested, in the order of the requests.
        seeds: all that were ever requested, from the lowest.
    """

    path: Path
    identity: Mapping[str, Any]
    variants: tuple[str, ...]
    seeds: tuple[int, ...]

    @classmethod
    def open(
        cls, path: Path, identity: Mapping[str, Any], variants: Sequence[str], seeds: Sequence[int]
    ) -> "ComparisonFolder":
        """Return a new comparison, or an earlier one together with the variants and seeds that are added; nothing is written.

        Args:
            path: its folder.
            identity: what all of its runs share, as plain values.
            variants: names of those that this request names.
            seeds: those of this request.

        Raises:
            RunError: the comparison was begun with another configuration or other data, or cannot be read.
        """
        file = path / "comparison.json"
        state: dict[str, Any] = {"sides": [], "seeds": []}
        if file.is_file():
            state = _read(file)
            before = dotted({**state["identity"], "format": state["format"]})
            now = dotted({**identity, "format": FORMAT})
            for key in [*sorted(before.keys() & now.keys()), *sorted(before.keys() ^ now.keys())]:
                if before.get(key) != now.get(key):
                    raise RunError(
                        f"comparison {path.name!r} was begun with {key} = {before.get(key)}, now it is {now.get(key)}; "
                        f"{_ANOTHER_NAME} (finished runs are used again where they fit)"
                    )
        together = tuple(dict.fromkeys([*state["sides"], *variants]))
        return cls(path, identity, together, tuple(sorted({*state["seeds"], *seeds})))

    @contextlib.contextmanager
    def work(self, category: Category) -> Iterator[None]:
        """Write the request, and keep other processes from the folder and the data within the context.

        Raises:
            RunError: another process works on the same comparison.
            DataError: the category is being imported.
        """
        state = {
            "format": FORMAT,
            "identity": dict(self.identity),
            "sides": list(self.variants),  # the name of this key is older than that of the attribute
            "seeds": list(self.seeds),
        }
        busy = RunError(
            f"comparison {self.path.name!r} is being made by another process; wait for it or stop it, or {_ANOTHER_NAME}"
        )
        with in_use(category), locked(self.path / ".lock", busy):
            if (file := self.path / "comparison.json").is_file():
                there = _read(file)
                if set(there["sides"]) - set(self.variants) or set(there["seeds"]) - set(self.seeds):
                    raise busy  # another process has added some since this one was opened
            for folder in (self.path, self.path / "silhouettes"):
                tidy(folder)
            write_json(self.path / "comparison.json", state)
            yield

    def earlier_evaluation(self, run: RunFolder, without: str | None = None) -> Evaluation | None:
        """Return the ranks of a run's test targets that version 0.1 kept in this folder; None if there are none.

        Args:
            run: run of this comparison.
            without: name of the source that is zeroed; None for the whole model.
        """
        digest = hashlib.blake2b(run.fingerprint().encode() + run.weights.read_bytes(), digest_size=8)
        name = f"{digest.hexdigest()}{f'.without.{without}' if without else ''}.safetensors"
        try:
            return load_evaluation(self.path / "evaluations" / name)
        except (OSError, SafetensorError, KeyError):
            return None

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


def earlier_identity(path: Path) -> Mapping[str, Any]:
    """Return what the runs of a comparison that was begun before share; empty if there is none.

    Args:
        path: its folder.

    Raises:
        RunError: it cannot be read.
    """
    file = path / "comparison.json"
    identity: Mapping[str, Any] = _read(file)["identity"] if file.is_file() else {}
    return identity


def _read(file: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        _ = state["format"], state["identity"], state["sides"], state["seeds"]
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file} cannot be read ({error!r}); delete it, or {_ANOTHER_NAME}") from None
    return state
