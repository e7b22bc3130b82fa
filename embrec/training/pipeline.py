"""From a prepared category to a finished run folder, in steps that can be killed and repeated."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from embrec import __version__
from embrec.data.splits import Partition
from embrec.data.store import Dataset, in_use, load_dataset
from embrec.errors import ConfigError, RunError
from embrec.evaluation.evaluator import evaluate, protocol_for
from embrec.evaluation.few import check_selection
from embrec.evaluation.leaks import LeakReport, check_leaks
from embrec.evaluation.metrics import cutoff
from embrec.evaluation.store import remembered
from embrec.features.table import FeatureTable
from embrec.files import atomic_folder, tidy, write_json, write_parquet, write_text
from embrec.memory import peak_memory
from embrec.models.recommender import Recommender
from embrec.progress import Progress, silent
from embrec.training.assembly import TrainingData, learned_partition, make_trainer, metric_names
from embrec.training.checkpoint import TrainerState
from embrec.training.config import RunConfig
from embrec.training.log import EpochLog
from embrec.training.made_of import MadeOf, log_hash, targets_hash, used_events
from embrec.training.presets import dotted
from embrec.training.run import RunFolder, save_model
from embrec.training.sources import find_tables, frozen_table
from embrec.workspace import Category, check_name

# Settings of a training that change no result: where it runs, and when it saves.
NO_RESULT = {"device", "checkpoint_seconds", "workers"}


@dataclass(frozen=True)
class TrainingResult:
    """What `train` returns: the run, its metrics, and whether it was there already."""

    run: RunFolder
    metrics: dict[str, Any]
    reused: bool


def choose_device(name: str) -> torch.device:
    """Return the device of that name; `auto` is the first GPU if there is one.

    Raises:
        ConfigError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device {name!r} is not there: torch sees {torch.cuda.device_count()} GPUs; use auto or cpu")
    return device


class Inputs(NamedTuple):
    """What a training reads.

    Attributes:
        dataset: the catalog and the log.
        partition: how the split divides the log; the test is measured by it, whatever was learned from.
        tables: the feature tables in the order of the configuration.
        learned: how the log is divided for the training itself: see `learned_partition`.
    """

    dataset: Dataset
    partition: Partition
    tables: list[FeatureTable]
    learned: Partition


def load_inputs(category: Category, config: RunConfig) -> Inputs:
    """Read what a training needs.

    Feature tables are those of the split's own training items, also where validation events are learned from too.

    Raises:
        DataError: the category does not exist, or the split leaves no training events, validation targets or test targets.
        FeatureError: a feature table is missing or belongs to other items.
    """
    dataset = load_dataset(category)
    partition = config.split(dataset.interactions, len(dataset.catalog))
    tables = find_tables(category, config.model.features, dataset.catalog, partition.train_items, config.split)
    return Inputs(dataset, partition, tables, learned_partition(config, dataset.interactions, partition))


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
    """Train a model, evaluate it once on the test targets, and leave a complete run folder.

    Repeated with the same arguments it returns the finished run, or goes on where a killed one stopped. With more than one
    worker, or an address, the workers of Ray train.

    Args:
        category: the prepared data, or its name.
        config: the model, its training and its evaluation; feature tables by name.
        name: of the run.
        force: start over where a run of that name exists.
        address: of a running Ray cluster; workers are started on this machine if None.
        on_leaks: told, before the training begins or goes on, what the checks for leaks found; the run folder keeps it too.
        progress: told of every step.

    Raises:
        ConfigError: a value is out of range or does not fit the data, the device is not there, or no cluster at the address.
        FeatureError: a feature table is missing or belongs to other items.
        MissingExtraError: several workers are asked for, and Ray is not installed.
        RunError: the name is taken by a run with another configuration or by another process that trains it now, or the
            training broke off.
    """
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
    cutoff(config.training.select_by)  # before the data are read
    alone = config.training.workers == 1 and address is None
    device = choose_device(config.training.device) if alone else None
    inputs = load_inputs(category, config)
    config.model.check([table.dim for table in inputs.tables])
    config.training.negatives.check(int(inputs.learned.train_items.sum()))
    config = settled(config, inputs)
    if config.training.validates:
        check_selection(
            config.training.select_by, inputs.dataset.interactions, inputs.partition.valid, config.evaluation,
            len(inputs.dataset.catalog), inputs.partition.hidden,
        )  # fmt: skip
    fingerprint = run_fingerprint(config, inputs.dataset, inputs.tables)
    if run.path.exists() and force:
        shutil.rmtree(run.path)
    if run.config_file.exists():
        if run.fingerprint() != fingerprint:
            raise RunError(
                f"run {category.name}/{name} exists with another configuration or other data"
                f"{_what_differs(run, config, inputs)}; name another run with --run, or start over with --force"
            )
        if run.metrics.exists():
            _record(run, inputs)  # it may have been begun before runs had one
            return TrainingResult(run, run.read_metrics(), reused=True)
    _begin(run, config, fingerprint, inputs)
    leaks = _leaks(run, inputs)
    if on_leaks is not None:
        on_leaks(leaks)
    try:
        if device is not None:
            train_here(run, config, fingerprint, inputs, device, progress)
        else:
            from embrec.training.on_ray import train_on_ray

            train_on_ray(run, config, fingerprint, address, progress)
    except ConfigError:
        if not run.checkpoint.exists():
            shutil.rmtree(run.path)  # the name is free for the configuration mended
        raise
    return TrainingResult(run, run.read_metrics(), reused=False)


def settled(config: RunConfig, inputs: Inputs) -> RunConfig:
    """Return a configuration as its run keeps it: feature tables by their full names, a protocol that fits the catalog.

    Raises:
        ConfigError: the protocol does not fit the catalog.
    """
    stems = tuple(table.path.stem for table in inputs.tables)
    evaluation = protocol_for(config.evaluation, len(inputs.dataset.catalog), config.training.select_by)
    model = config.model.model_copy(update={"features": stems})
    return config.model_copy(update={"model": model, "evaluation": evaluation})


def _begin(run: RunFolder, config: RunConfig, fingerprint: str, inputs: Inputs) -> None:
    """Write what identifies the run; the configuration last, for it says that the rest is there."""
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
    write_text(run.path / "fingerprint", fingerprint + "\n")
    run.write_config(config)


def _record(run: RunFolder, inputs: Inputs) -> None:
    """Write what the run is made of, unless it is there; the hashes last, for they say that the events are there."""
    if not run.made_of_file.exists():
        write_parquet(used_events(inputs.dataset.interactions, inputs.learned), run.learned_file)
        write_json(run.made_of_file, MadeOf.of(inputs.dataset, inputs.partition, inputs.tables).as_dict())


def _what_differs(run: RunFolder, config: RunConfig, inputs: Inputs) -> str:
    """Return the first setting or part of the data that differs from those of a run, for a message; empty if unknown."""
    before, now = (dotted(one.identity(training=NO_RESULT)) for one in (run.config(), config))
    for key in [*now, *(key for key in before if key not in now)]:
        if before.get(key) != now.get(key):
            return f" ({key} is {before.get(key)} there, {now.get(key)} now)"
    made_of = run.read_made_of()
    changed = [] if made_of is None else made_of.differences(MadeOf.of(inputs.dataset, inputs.partition, inputs.tables))
    return f" ({changed[0]})" if changed else ""


def _leaks(run: RunFolder, inputs: Inputs) -> LeakReport:
    """Return what the checks for leaks found when the run was begun; look now if it has just been."""
    known = run.read_leaks()
    if known is not None:
        return known
    report = check_leaks(inputs.dataset, inputs.partition, inputs.tables, learned=inputs.learned)
    write_json(run.leaks, report.as_dict())
    return report


def fit_model(
    run: RunFolder,
    config: RunConfig,
    fingerprint: str,
    dataset: Dataset,
    partition: Partition,
    tables: list[FeatureTable],
    device: torch.device,
    progress: Progress,
    shard: tuple[int, int] = (0, 1),
) -> tuple[Recommender, TrainerState]:
    """Build the model of a run and train it, or take from its checkpoint what is done already.

    Args:
        run: the folder of checkpoint and log; it may lie anywhere in the processes that do not lead.
        config: with the feature tables' full names.
        fingerprint: what `run_fingerprint` returned.
        dataset: the catalog and the log.
        partition: how the log is divided, as `learned_partition` returns it.
        tables: the feature tables, in the order of the configuration.
        device: to train on.
        progress: told of every step.
        shard: (rank, world) of this process; see `Trainer`.
    """
    data = TrainingData.of(dataset.interactions, partition, config.model.max_length)
    sources = {table.path.stem: frozen_table(table) for table in tables}
    with EpochLog(run) if shard[0] == 0 else nullcontext() as log:
        trainer = make_trainer(
            config, data, sources, device, checkpoint=run.checkpoint, fingerprint=fingerprint,
            on_epoch=log.epoch if log is not None else None, progress=progress, shard=shard,
        )  # fmt: skip
        state = trainer.fit()
        if log is not None:
            log.rewrite(state.history)
    return trainer.model, state


def train_here(
    run: RunFolder,
    config: RunConfig,
    fingerprint: str,
    inputs: Inputs,
    device: torch.device,
    progress: Progress,
    shard: tuple[int, int] = (0, 1),
) -> None:
    """Train in this process a run that was begun; the leader of several also evaluates it and completes its folder.

    Args:
        run: its folder.
        config: with the feature tables' full names.
        fingerprint: what `run_fingerprint` returned.
        inputs: what `load_inputs` returned.
        device: to train on.
        progress: told of every step.
        shard: (rank, world) of this process; see `Trainer`.

    Raises:
        RunError: loss or gradient stopped being numbers, or the disk is full.
    """
    dataset, partition, tables, learned = inputs
    model, state = fit_model(run, config, fingerprint, dataset, learned, tables, device, progress, shard)
    if shard[0] > 0:
        return
    started = time.monotonic()
    test = evaluate(
        model, dataset.interactions, partition, partition.test, config.evaluation, max_length=config.model.max_length,
        device=device, progress=progress, task="test",
    )  # fmt: skip
    metrics = _metrics(config, model, state, test.metrics(metric_names(config)), time.monotonic() - started)
    save_model(run, model, dataset.catalog, {table.path.stem: table.dim for table in tables})
    if "import" in dataset.meta:
        write_json(run.source_file, dataset.meta["import"]["arguments"])
    # Whoever compares the run with others need not rank its targets again.
    remembered(run, config.evaluation, 0, lambda: test, log=targets_hash(dataset.interactions, partition))
    write_json(run.metrics, metrics)


def _metrics(
    config: RunConfig, model: Recommender, state: TrainerState, test: dict[str, dict[str, float]], seconds: float
) -> dict[str, Any]:
    return {
        "protocol": {
            "split": config.split.model_dump(),
            "candidates": config.evaluation.candidates.words(),
            "seen": config.evaluation.seen,
            "ties": config.evaluation.ties,
            "learned from": config.training.learn_from,
        },
        "best epoch": state.best_epoch + 1,
        "epochs": len(state.history),
        "valid": {
            name.removeprefix("valid "): value
            for name, value in state.history[state.best_epoch].items()
            if name.startswith("valid ")
        },
        "test": test,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds": {"training and validation": round(state.seconds, 2), "test": round(seconds, 2)},
        "peak memory MB": round(peak_memory()),
        "versions": {"embrec": __version__, "torch": torch.__version__},
    }


def run_fingerprint(config: RunConfig, dataset: Dataset, tables: Sequence[FeatureTable]) -> str:
    """Hash what a run's result depends on: configuration, log, items and vectors, but not where it runs or when it saves."""
    return fingerprint_of(config.identity(training=NO_RESULT), dataset, tables)


def fingerprint_of(settings: Mapping[str, Any], dataset: Dataset, tables: Sequence[FeatureTable]) -> str:
    """Hash settings, as `RunConfig.identity` returns them, and data; see `run_fingerprint`."""
    digest = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=16)
    digest.update(dataset.catalog.fingerprint.encode())
    digest.update(log_hash(dataset.interactions))
    for table in tables:
        digest.update(np.ascontiguousarray(table.fingerprints).tobytes())
    return digest.hexdigest()
