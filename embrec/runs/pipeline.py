"""The training of a run, from a prepared category to a finished run folder; a killed training continues when repeated."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from embrec.data.store import in_use
from embrec.errors import ConfigError, RunError
from embrec.evaluation.leaks import LeakReport, check_leaks
from embrec.files import atomic_folder, tidy, write_json, write_parquet, write_text
from embrec.parameters import call, parameter
from embrec.progress import Progress, silent
from embrec.runs.config import RunConfig
from embrec.runs.engines import is_local, train_begun
from embrec.runs.folder import RunFolder
from embrec.runs.inputs import NO_RESULT, Inputs, load_inputs
from embrec.runs.local import choose_device
from embrec.runs.provenance import MadeOf, used_events
from embrec.runs.settings import dotted
from embrec.workspace import Category, check_name


@dataclass(frozen=True)
class TrainingResult:
    """The result of `train`: the run, its metrics, and whether it was finished before."""

    run: RunFolder
    metrics: dict[str, Any]
    reused: bool


def train(
    category: Category | str,
    config: RunConfig,
    name: str,
    *,
    force: bool = False,
    address: str | None = None,
    on_leaks: Callable[[LeakReport], None] | None = None,
    progress: Progress = silent,
) -> TrainingResult:
    """Train a model, evaluate it once on the test targets, and write a complete run folder.

    Called again with the same arguments, it returns the finished run or continues one that was killed. With more than one
    worker, or an address, the workers of Ray train.

    Args:
        category: the prepared data, or its name.
        config: configuration of the model, its training and its evaluation; feature tables by name.
        name: name of the run.
        force: start over if a run of that name exists.
        address: address of a running Ray cluster; workers start on this machine if None.
        on_leaks: called with the findings of the checks for leaks before training starts or continues; the run keeps them.
        progress: called after every step.

    Raises:
        ConfigError: a value is out of range or does not fit the data, the device is not there, or no cluster at the address.
        FeatureError: a feature table is missing or belongs to other items.
        MissingExtraError: several workers are requested, and Ray is not installed.
        RunError: the name is taken by a run with another configuration or by another process that trains it now, or the
            training broke off.
    """
    if not isinstance(config, RunConfig):
        raise ConfigError(
            f"{parameter('config')} is a {type(config).__name__} and no RunConfig; make it with {call('build_config')}"
        )
    category = Category.of(category)
    run = RunFolder(category.runs / check_name("run", name))
    with in_use(category), run.lock():
        return _train(run, category, config, name, force, address, on_leaks, progress)


def _train(
    run: RunFolder,
    category: Category,
    config: RunConfig,
    name: str,
    force: bool,
    address: str | None,
    on_leaks: Callable[[LeakReport], None] | None,
    progress: Progress,
) -> TrainingResult:
    """Train as `train` does, while nobody else writes the run's folder or replaces the data."""
    for folder in (run.path, run.encoders):
        tidy(folder)
    if is_local(config, address):
        choose_device(config.training.device)  # before the data are read
    inputs = load_inputs(category, config)
    if run.path.exists() and force:
        shutil.rmtree(run.path)
    if run.config_file.exists():
        if run.fingerprint() != inputs.fingerprint:
            raise RunError(
                f"run {category.name}/{name} exists with another configuration or other data"
                f"{_what_differs(run, inputs)}; name another run with "
                f"{parameter('name')}, or start over with {parameter('force', True)}"
            )
        if run.metrics.exists():
            _record(run, inputs)  # it may have been begun before runs had one
            return TrainingResult(run, run.read_metrics(), reused=True)
    _begin(run, inputs)
    leaks = _leaks(run, inputs)
    if on_leaks is not None:
        on_leaks(leaks)
    try:
        train_begun(run, inputs, address, progress)
    except ConfigError:
        if not run.checkpoint.exists():
            shutil.rmtree(run.path)  # the name is free for the configuration mended
        raise
    return TrainingResult(run, run.read_metrics(), reused=False)


def _begin(run: RunFolder, inputs: Inputs) -> None:
    """Write the files that identify the run; the configuration last, since its presence says that the others are complete."""
    if not run.config_file.exists():  # killed before it was begun, perhaps with other encoders
        shutil.rmtree(run.encoders, ignore_errors=True)
        for file in (run.made_of_file, run.learned_file, run.leaks):
            file.unlink(missing_ok=True)
    for table in inputs.tables:
        target = run.encoders / table.path.stem
        if not target.exists():
            with atomic_folder(target) as folder:
                shutil.copytree(table.encoder_folder, folder, dirs_exist_ok=True)
    _record(run, inputs)
    write_text(run.path / "fingerprint", inputs.fingerprint + "\n")
    run.write_config(inputs.config)


def _record(run: RunFolder, inputs: Inputs) -> None:
    """Write the run's events and the hashes of its data unless they exist; the hashes last: they say that the events exist."""
    if not run.made_of_file.exists():
        write_parquet(used_events(inputs.dataset.interactions, inputs.learned), run.learned_file)
        write_json(run.made_of_file, MadeOf.of(inputs.dataset, inputs.partition, inputs.tables).as_dict())


def _what_differs(run: RunFolder, inputs: Inputs) -> str:
    """Return the first setting or part of the data that differs from a run's, for a message; empty if there is none."""
    before, now = (dotted(one.identity(training=NO_RESULT)) for one in (run.config(), inputs.config))
    for key in [*now, *(key for key in before if key not in now)]:
        if before.get(key) != now.get(key):
            return f" ({key} is {before.get(key)} there, {now.get(key)} now)"
    made_of = run.read_made_of()
    changed = [] if made_of is None else made_of.differences(MadeOf.of(inputs.dataset, inputs.partition, inputs.tables))
    return f" ({changed[0]})" if changed else ""


def _leaks(run: RunFolder, inputs: Inputs) -> LeakReport:
    """Return the findings of the checks for leaks from the start of the run; check now if there are none yet."""
    known = run.read_leaks()
    if known is not None:
        return known
    report = check_leaks(
        inputs.dataset, inputs.partition, inputs.tables, inputs.extras.relations, learned=inputs.learned
    )
    write_json(run.leaks, report.as_dict())
    return report
