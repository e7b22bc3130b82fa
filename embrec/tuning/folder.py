"""The folder of a search: `workspace/<category>/searches/<search>/`."""

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
from embrec.runs.provenance import MadeOf
from embrec.runs.settings import dotted
from embrec.tuning.config import SearchConfig
from embrec.tuning.records import TrialLog
from embrec.validation import validated
from embrec.workspace import Made, Workspace, check_name, nearest_made

# What may differ between two sessions of the same search.
_FREE: Any = {
    "samples": True,
    "random_first": True,
    "seeds": True,
    "final_epochs": True,
    "final_on": True,
    "base": {"training": {"device"}},
}


def told_apart_by(config: SearchConfig) -> str:
    """Return a text of all in which two searches may differ, and two sessions of one may not."""
    return json.dumps(config.model_dump(mode="json", exclude=_FREE), sort_keys=True)


@dataclass(frozen=True)
class SearchFolder(Made):
    """Paths of a search."""

    @property
    def config_file(self) -> Path:
        """What was asked for, YAML."""
        return self.path / "search.yaml"

    @property
    def made_of_file(self) -> Path:
        """Hashes of the data that it was begun with; see `MadeOf`. Searches of earlier versions have none."""
        return self.path / "data.json"

    @property
    def log_file(self) -> Path:
        """One JSON line an event; see `embrec.tuning.records`."""
        return self.path / "trials.jsonl"

    @property
    def best_file(self) -> Path:
        """The best settings, YAML: a space file's `start`, or settings for `embrec train --set`."""
        return self.path / "best.yaml"

    @property
    def checkpoints(self) -> Path:
        """The resume state of trials that have not ended."""
        return self.path / "checkpoints"

    @property
    def scratch(self) -> Path:
        """What Ray writes for itself while a search runs."""
        return self.path / "ray"

    @property
    def result_file(self) -> Path:
        """The runs trained with the best settings; its presence says that the search is complete."""
        return self.path / "result.json"

    @property
    def report(self) -> Path:
        """The page of the search and its runs."""
        return self.path / "report.html"

    def checkpoint(self, number: int) -> Path:
        """Return the resume state of a trial."""
        return self.checkpoints / f"{number}.pt"

    def config(self) -> SearchConfig:
        """Read what was asked for.

        Raises:
            RunError: the folder is no search, or its file is not valid.
        """
        if not self.config_file.is_file():
            raise RunError(f"{self.path} is no search: it has no search.yaml")
        try:
            values = yaml.safe_load(self.config_file.read_text(encoding="utf-8"))
        except yaml.YAMLError as error:
            raise RunError(f"{self.config_file}: {error}") from None
        return validated(SearchConfig, values, str(self.config_file), error=RunError)

    def read_made_of(self) -> MadeOf | None:
        """Read hashes of the data that the search was begun with; None where an earlier version began it.

        Raises:
            RunError: the file is damaged.
        """
        return MadeOf.read(self.made_of_file)

    def begin(self, config: SearchConfig, fingerprint: str, made_of: Mapping[str, Any] | None = None) -> SearchConfig:
        """Write what is asked for, or check that it is what was asked for before; the number of trials may change.

        How many trials are drawn by chance is settled when a search is begun: more trials do not change it.

        Args:
            config: what is asked for now.
            fingerprint: of the data.
            made_of: what the data are; see `MadeOf`.

        Raises:
            RunError: the search was begun with another configuration or other data, or has more trials than are asked for.
        """
        self.check_begun(config, fingerprint)
        begun = bool(self.log().trials)
        config = config.model_copy(update={"random_first": self.config().chance if begun else config.chance})
        if not begun:
            shutil.rmtree(self.checkpoints, ignore_errors=True)  # of trials whose log was removed to start over
        write_text(self.path / "fingerprint", fingerprint + "\n")
        if made_of is not None:
            write_json(self.made_of_file, dict(made_of))
        write_text(self.config_file, yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))
        return config

    def check_begun(self, config: SearchConfig, fingerprint: str) -> None:
        """Raise a RunError if the search has trials already and `begin` would refuse to go on with them."""
        if self.config_file.is_file() and (trials := self.log().trials):
            self.check(config)
            if config.samples < len(trials):
                raise RunError(
                    f"search {self.category.name}/{self.name} has {len(trials)} trials already, and --samples "
                    f"{config.samples} is of all; give {len(trials)} or more"
                )
            if self.fingerprint() != fingerprint:
                raise RunError(
                    f"search {self.category.name}/{self.name} was begun with other data or feature tables; "
                    "give the new one another --name"
                )

    def holds(self, config: SearchConfig, fingerprint: str) -> bool:
        """Whether the folder is of a search of this configuration and these data, whatever may differ between its sessions."""
        try:
            self.check(config)
        except RunError:
            return False
        return not self.log().trials or self.fingerprint() == fingerprint

    def check(self, config: SearchConfig) -> None:
        """Raise a RunError that names what differs if the search was begun with another configuration."""
        before, now = (
            dotted(one.model_dump(mode="json", exclude=_FREE), whole=["space"]) for one in (self.config(), config)
        )
        for key in [*now, *(key for key in before if key not in now)]:
            if before.get(key) != now.get(key):
                raise RunError(
                    f"search {self.category.name}/{self.name} was begun with {key} = {before.get(key)}, now it is "
                    f"{now.get(key)}; resume it as it was, or give the new one another --name"
                )

    def log(self) -> TrialLog:
        """Read the log."""
        return TrialLog(self.log_file)

    def read_result(self) -> dict[str, Any] | None:
        """Read which runs were trained with the best settings; None if none are yet.

        Raises:
            RunError: the file is damaged.
        """
        if not self.result_file.is_file():
            return None
        try:
            result: dict[str, Any] = json.loads(self.result_file.read_text(encoding="utf-8"))
            return result
        except ValueError:
            raise RunError(f"{self.result_file} is damaged; remove it and resume the search") from None

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write which runs were trained with the best settings."""
        write_json(self.result_file, dict(result))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep a second process out of the same search.

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
    """Return a search by `category/search`, or by a name that is unique in the workspace.

    Raises:
        RunError: there is no such search, or several.
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
