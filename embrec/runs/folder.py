"""The run folder: a trained model with all files needed to use it, none of which can execute code when read."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from embrec.errors import ConfigError, RunError
from embrec.evaluation.leaks import LeakReport
from embrec.files import write_text
from embrec.locks import locked
from embrec.names import listed
from embrec.parameters import parameter
from embrec.runs.config import RunConfig
from embrec.runs.provenance import MadeOf
from embrec.validation import read_validated
from embrec.workspace import Category, Made, Workspace, check_name, nearest_made

_PATIENCE = 2.0  # seconds to wait for the lock of a process that was just killed


@dataclass(frozen=True)
class RunFolder(Made):
    """Paths of a run: `workspace/<category>/runs/<run>/`."""

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from training the run; the lock file is beside the folder, which may be deleted meanwhile.

        Raises:
            RunError: another process trains the run.
        """
        busy = RunError(
            f"run {self.category.name}/{self.name} is being trained by another process; wait for it or stop it, or name "
            f"another run with {parameter('name')}"
        )
        with locked(self.path.with_name(f".{self.name}.lock"), busy, patience=_PATIENCE):
            yield

    @property
    def config_file(self) -> Path:
        """The configuration, as YAML."""
        return self.path / "config.yaml"

    @property
    def checkpoint(self) -> Path:
        """The checkpoint to resume from."""
        return self.path / "trainer.pt"

    @property
    def weights(self) -> Path:
        """The trained weights; only the metrics are written later."""
        return self.path / "model.safetensors"

    @property
    def items(self) -> Path:
        """The item vectors of the whole catalog and the mask of known items."""
        return self.path / "items.safetensors"

    @property
    def inputs(self) -> Path:
        """Relations, attributes and names of context columns that the model reads; other runs have none."""
        return self.path / "inputs.safetensors"

    @property
    def catalog(self) -> Path:
        """The items with their attributes, for readable recommendations."""
        return self.path / "catalog.parquet"

    @property
    def source_file(self) -> Path:
        """The import options of the catalog's source, as JSON, so that new items are read in the same way."""
        return self.path / "source.json"

    def read_source(self) -> dict[str, Any] | None:
        """Return the import options of the catalog's source; None if unknown, as in runs of earlier versions."""
        try:
            source = json.loads(self.source_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return source if isinstance(source, dict) else None

    @property
    def encoders(self) -> Path:
        """A folder for each feature source with its fitted encoder."""
        return self.path / "encoders"

    @property
    def metrics(self) -> Path:
        """Validation and test metrics; the file exists only if the run is complete."""
        return self.path / "metrics.json"

    @property
    def leaks(self) -> Path:
        """Report of the checks for leaks before the training; see `embrec.evaluation.leaks`."""
        return self.path / "leaks.json"

    @property
    def made_of_file(self) -> Path:
        """Hashes of the data of the run; see `MadeOf`. Runs of earlier versions have no such file."""
        return self.path / "data.json"

    @property
    def learned_file(self) -> Path:
        """The training and validation events of the run; see `used_events`."""
        return self.path / "learned.parquet"

    @property
    def search_file(self) -> Path:
        """The name of the search whose best settings the run was trained with; other runs have no such file."""
        return self.path / "search"

    def search(self) -> str:
        """Return the name of the search that found the run's settings; empty if there was none."""
        return self.search_file.read_text(encoding="utf-8").strip() if self.search_file.is_file() else ""

    @property
    def events(self) -> Path:
        """A JSON line for each epoch."""
        return self.path / "events.jsonl"

    def config(self) -> RunConfig:
        """Read the configuration.

        Raises:
            RunError: the folder is not a run, or its configuration is not valid.
        """
        if not self.config_file.is_file():
            raise RunError(f"{self.path} is not a run folder: it has no config.yaml")
        return read_validated(RunConfig, self.config_file, RunError)

    def write_config(self, config: RunConfig) -> None:
        """Write the configuration."""
        write_text(self.config_file, yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False))

    def read_metrics(self) -> dict[str, Any]:
        """Read the metrics of a complete run.

        Raises:
            RunError: the run is not complete.
        """
        self.config()
        if not self.metrics.is_file():
            raise RunError(
                f"run {self.path} is not finished; repeat the command that began it to continue from its checkpoint"
            )
        metrics: dict[str, Any] = json.loads(self.metrics.read_text(encoding="utf-8"))
        return metrics

    def read_made_of(self) -> MadeOf | None:
        """Read the hashes of the run's data; None for runs of earlier versions.

        Raises:
            RunError: the file is damaged.
        """
        return MadeOf.read(self.made_of_file)

    def read_learned(self) -> pl.DataFrame:
        """Read the training and validation events of the run; see `used_events`.

        Raises:
            RunError: the file is missing or damaged.
        """
        try:
            return pl.read_parquet(self.learned_file, columns=["user", "items"])
        except (OSError, pl.exceptions.PolarsError):
            raise RunError(
                f"{self.learned_file} is gone or damaged, so it is unknown which events were learned from; train it again"
            ) from None

    def read_leaks(self) -> LeakReport | None:
        """Read the report of the checks for leaks; None if the run was not checked.

        Raises:
            RunError: the file is damaged.
        """
        if not self.leaks.is_file():
            return None
        try:
            return LeakReport.from_dict(json.loads(self.leaks.read_text(encoding="utf-8")))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise RunError(f"{self.leaks} is damaged; delete it: the run can be used without it") from None


def known_findings(category: Category) -> set[str]:
    """Return the meanings of all checks for leaks in the runs of a category: the findings that were printed before."""
    told: set[str] = set()
    for file in category.runs.glob("*/leaks.json"):
        with contextlib.suppress(RunError):
            report = RunFolder(file.parent).read_leaks()
            told |= {check.meaning for check in report.checks} if report is not None else set()
    return told


# One or several runs, given as folders or by name.
Runs = RunFolder | Path | str | Sequence[RunFolder | Path | str]


def locate_run(run: str | Path, workspace: Workspace) -> RunFolder:
    """Return a run by the path of its folder, by `category/run`, or by a run name that is unique in the workspace.

    Raises:
        RunError: there is no such run, or several.
    """
    path = Path(run)
    if (path / "config.yaml").is_file():
        return RunFolder(path)
    if path.exists():
        raise RunError(f"{path} is not a run folder: it has no config.yaml")
    parts = path.parts
    if len(parts) == 2:
        found = [workspace.path / parts[0] / "runs" / parts[1]]
    else:
        found = sorted(workspace.path.glob(f"*/runs/{check_name('run', str(run))}"))
    found = [folder for folder in found if (folder / "config.yaml").is_file()]
    if len(found) == 1:
        return RunFolder(found[0])
    if found:
        names = listed(f"{folder.parent.parent.name}/{folder.name}" for folder in found)
        raise RunError(f"run {str(run)!r} stands in several categories; say which: {names}")
    known = [f"{file.parts[-4]}/{file.parts[-2]}" for file in sorted(workspace.path.glob("*/runs/*/config.yaml"))]
    raise RunError(
        f"no run {str(run)!r} in the workspace {workspace.path}{nearest_made(str(run), known)} (there: {listed(known)})"
    )


def runs_of(runs: Runs) -> list[RunFolder]:
    """Return the folders of one or several runs, given as folders or by name; names are looked up by `locate_run`.

    Raises:
        ConfigError: there is no run in the list, or something that is not a run.
        RunError: there is no run of a name, or there are several.
    """
    given = [runs] if isinstance(runs, RunFolder | Path | str) or not isinstance(runs, Iterable) else list(runs)
    for run in given:
        if not isinstance(run, RunFolder | Path | str):
            raise ConfigError(f"{run!r} is no run; give its folder, or its name such as 'shop/first'")
    if not given:
        raise ConfigError("no run is given; give the folder or the name of at least one, such as 'shop/first'")
    return [run if isinstance(run, RunFolder) else locate_run(run, Workspace.locate()) for run in given]
