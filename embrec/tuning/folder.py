"""The folder of a search: `workspace/<category>/searches/<search>/`, its files and its lock."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from embrec.errors import RunError
from embrec.files import tidy, write_json, write_text
from embrec.locks import locked
from embrec.names import listed
from embrec.parameters import parameter
from embrec.runs.provenance import MadeOf
from embrec.runs.settings import dotted
from embrec.tuning.config import SearchConfig
from embrec.tuning.records import TrialLog
from embrec.validation import read_validated
from embrec.workspace import Made, Workspace, check_name, nearest_made

# Fields that may differ between two sessions of the same search.
_FREE: Any = {
    "samples": True,
    "random_first": True,
    "seeds": True,
    "final_epochs": True,
    "final_on": True,
    "base": {"training": {"device"}},
}


def identity_of(config: SearchConfig) -> str:
    """Return a text that identifies a search: every field of its configuration that may not change between its sessions."""
    return json.dumps(config.model_dump(mode="json", exclude=_FREE), sort_keys=True)


@dataclass(frozen=True)
class SearchFolder(Made):
    """The files of a search, and what they contain."""

    @property
    def config_file(self) -> Path:
        """The configuration, YAML; see `SearchConfig`."""
        return self.path / "search.yaml"

    @property
    def made_of_file(self) -> Path:
        """Hashes of the data of the search; see `MadeOf`. Searches of earlier versions have no such file."""
        return self.path / "data.json"

    @property
    def log_file(self) -> Path:
        """The log of trials, one JSON line per event; see `TrialLog`."""
        return self.path / "trials.jsonl"

    @property
    def best_file(self) -> Path:
        """The best settings, YAML: a space file's `start`, or settings of a training."""
        return self.path / "best.yaml"

    @property
    def checkpoints(self) -> Path:
        """Folder with the checkpoints of trials that have not ended."""
        return self.path / "checkpoints"

    @property
    def scratch(self) -> Path:
        """Folder for the files of Ray while a search runs."""
        return self.path / "ray"

    @property
    def result_file(self) -> Path:
        """The names of the runs trained with the best settings; the file exists once the search is complete."""
        return self.path / "result.json"

    @property
    def report(self) -> Path:
        """The HTML report of the search and its runs."""
        return self.path / "report.html"

    def checkpoint(self, number: int) -> Path:
        """Return the path of the checkpoint of a trial."""
        return self.checkpoints / f"{number}.pt"

    def config(self) -> SearchConfig:
        """Read the configuration.

        Raises:
            RunError: the folder is not a search, or the file is not valid.
        """
        if not self.config_file.is_file():
            raise RunError(f"{self.path} is no search: it has no search.yaml")
        return read_validated(SearchConfig, self.config_file, RunError)

    def read_made_of(self) -> MadeOf | None:
        """Read the hashes of the data of the search; None if an earlier version wrote the folder.

        Raises:
            RunError: the file is damaged.
        """
        return MadeOf.read(self.made_of_file)

    def begin(self, config: SearchConfig, fingerprint: str, made_of: Mapping[str, Any] | None = None) -> SearchConfig:
        """Write the configuration of a new search, or check that it fits a search that is resumed.

        The number of trials may grow. The number of random trials is fixed when a search starts: more trials do not change it.

        Args:
            config: configuration of this session.
            fingerprint: hash of data and configuration; see `run_fingerprint`.
            made_of: hashes of the data; see `MadeOf`.

        Returns:
            The configuration with its number of random trials filled in.

        Raises:
            RunError: the search was started with another configuration or other data, or already has more trials.
        """
        self.check_begun(config, fingerprint)
        begun = bool(self.log().trials)
        config = config.model_copy(
            update={"random_first": self.config().random_trials if begun else config.random_trials}
        )
        if not begun:
            shutil.rmtree(self.checkpoints, ignore_errors=True)  # their log was deleted to start over
        write_text(self.path / "fingerprint", fingerprint + "\n")
        if made_of is not None:
            write_json(self.made_of_file, dict(made_of))
        write_text(self.config_file, yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
        return config

    def check_begun(self, config: SearchConfig, fingerprint: str) -> None:
        """Raise a RunError if the search has trials and `begin` would refuse to continue them."""
        if self.config_file.is_file() and (trials := self.log().trials):
            self.check(config)
            if config.samples < len(trials):
                raise RunError(
                    f"search {self.category.name}/{self.name} has {len(trials)} trials already, and "
                    f"{parameter('samples', config.samples)} is of all; give {len(trials)} or more"
                )
            if self.fingerprint() != fingerprint:
                raise RunError(
                    f"search {self.category.name}/{self.name} was begun with other data or feature tables; "
                    f"give the new one another {parameter('name')}"
                )

    def holds(self, config: SearchConfig, fingerprint: str) -> bool:
        """Return True if the folder belongs to a search with this configuration and these data."""
        try:
            self.check(config)
        except RunError:
            return False
        return not self.log().trials or self.fingerprint() == fingerprint

    def check(self, config: SearchConfig) -> None:
        """Raise a RunError that names the first difference if the search was started with another configuration."""
        before, now = (
            dotted(one.model_dump(mode="json", exclude=_FREE), whole=["space"]) for one in (self.config(), config)
        )
        for key in [*now, *(key for key in before if key not in now)]:
            if before.get(key) != now.get(key):
                raise RunError(
                    f"search {self.category.name}/{self.name} was begun with {key} = {before.get(key)}, now it is "
                    f"{now.get(key)}; resume it as it was, or give the new one another {parameter('name')}"
                )

    def log(self) -> TrialLog:
        """Read the log of trials."""
        return TrialLog(self.log_file)

    def read_result(self) -> dict[str, Any] | None:
        """Read which runs were trained with the best settings; None if the search is not complete.

        Raises:
            RunError: the file is damaged.
        """
        if not self.result_file.is_file():
            return None
        try:
            result: dict[str, Any] = json.loads(self.result_file.read_text(encoding="utf-8"))
            return result
        except ValueError:
            raise RunError(f"{self.result_file} is damaged; delete it and resume the search") from None

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write which runs were trained with the best settings."""
        write_json(self.result_file, dict(result))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of the search, so that no second process runs it at the same time.

        Raises:
            RunError: another process runs it.
        """
        busy = RunError(
            f"search {self.category.name}/{self.name} is running in another process; wait for it or stop it"
        )
        with locked(self.path / "lock", busy):
            tidy(self.path)
            yield


def locate_search(name: str, workspace: Workspace) -> SearchFolder:
    """Find a search by name.

    Args:
        name: `category/search`, or a search name that is unique in the workspace.
        workspace: the workspace to look in.

    Raises:
        RunError: there is no such search, or more than one.
    """
    wanted = name
    first, slash, second = name.partition("/")
    category, name = (first, second) if slash else (None, name)
    check_name("search", name)
    everywhere = [file.parent for file in sorted(workspace.path.glob("*/searches/*/search.yaml"))]
    inside = [folder for folder in everywhere if category in (None, folder.parent.parent.name)]
    found = [folder for folder in inside if folder.name == name]
    if len(found) == 1:
        return SearchFolder(found[0])
    names = [f"{folder.parent.parent.name}/{folder.name}" for folder in found or everywhere]
    if found:
        raise RunError(f"search {name!r} stands in several categories; say which: {listed(names)}")
    raise RunError(
        f"no search {name!r} in the workspace {workspace.path}{nearest_made(wanted, names)} (there: {listed(names)})"
    )
