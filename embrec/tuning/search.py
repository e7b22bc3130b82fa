"""A search from prepared data to the best model, trained and tested; every step can be interrupted and resumed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from embrec.data.interactions import Interactions
from embrec.data.prepared import open_split
from embrec.data.store import in_use
from embrec.data.training_data import TrainingData
from embrec.errors import ConfigError, RunError
from embrec.evaluation.leaks import LeakReport
from embrec.evaluation.metrics import cutoff, tells_apart
from embrec.files import write_text
from embrec.parameters import call, parameter
from embrec.progress import Progress, silent
from embrec.runs.config import RunConfig
from embrec.runs.inputs import Inputs, inputs_of, run_fingerprint
from embrec.runs.local import choose_device
from embrec.runs.presets import changed_config
from embrec.runs.provenance import MadeOf
from embrec.runs.seeds import SeedsResult, check_seeds, train_seeds
from embrec.tuning.config import SearchConfig
from embrec.tuning.final_runs import train_in_parallel
from embrec.tuning.folder import SearchFolder
from embrec.tuning.on_ray import OnChange, run_trials
from embrec.tuning.records import Trial, TrialLog, best_trial
from embrec.tuning.resources import Resources
from embrec.tuning.space import Space, feature_names
from embrec.tuning.trial import SharedData
from embrec.workspace import Category, check_name


@dataclass(frozen=True)
class SearchResult:
    """The result of `tune`.

    Attributes:
        folder: folder of the search.
        config: configuration of the search, with full names of feature tables.
        log: log of its trials.
        best: the trial with the best settings.
        runs: runs trained with these settings, one per seed; None if `config.seeds` is empty.
    """

    folder: SearchFolder
    config: SearchConfig
    log: TrialLog
    best: Trial
    runs: SeedsResult | None

    @property
    def best_config(self) -> RunConfig:
        """The configuration of the best trial; `final_config` is that of the final runs."""
        return changed_config(self.config.base, self.best.settings)


def tune(
    category: Category | str,
    config: SearchConfig,
    name: str,
    *,
    resources: Resources | None = None,
    on_change: OnChange = lambda _: None,
    on_leaks: Callable[[LeakReport], None] | None = None,
    progress: Progress = silent,
) -> SearchResult:
    """Search the settings of a model, then train the best settings with several seeds and test each model once.

    Called again with the same arguments, it resumes: trials that ended are kept, and running ones continue from their
    checkpoints. Called with more `samples`, it adds trials to a finished search.

    Args:
        category: the prepared data, or its name.
        config: configuration of the search; see `plan_search`.
        name: name of the search and prefix of the names of its runs: NAME-t7-s0 is seed 0 with the settings of trial 7; see
            `final_name`.
        resources: processors and GPUs of the trials; if None, one processor each, and as many trials as there are processors.
        on_change: callback, called when a trial starts, finishes an epoch or ends.
        on_leaks: callback that receives the report of the leak checks, before the final training.
        progress: callback for the progress of the final training.

    Returns:
        The log of trials, the best trial and the final runs.

    Raises:
        ConfigError: a setting, the objective or a bound is not valid; nothing has run then.
        FeatureError: a feature table is missing or belongs to other items.
        MissingExtraError: Ray or HyperOpt is not installed.
        RunError: the name is taken by another search, every trial failed, or the search was interrupted from outside.
    """
    if not isinstance(config, SearchConfig):
        raise ConfigError(
            f"{parameter('config')} is a {type(config).__name__} and no SearchConfig; make it with {call('plan_search')}"
        )
    category = Category.of(category)
    with in_use(category):
        return _tune(category, config, name, resources or Resources(), on_change, on_leaks, progress)


def _tune(
    category: Category,
    config: SearchConfig,
    name: str,
    resources: Resources,
    on_change: OnChange,
    on_leaks: Callable[[LeakReport], None] | None,
    progress: Progress,
) -> SearchResult:
    folder = SearchFolder(category.searches / check_name("search", name))
    resources.check_here()
    seeds = config.seeds
    if seeds:
        check_seeds(seeds)
    config, shared = prepare(category, config)
    with folder.lock():
        config = folder.begin(config, shared.fingerprint, shared.made_of)
        log = run_trials(folder, config, shared, resources, on_change)
        del shared
        best = best_trial(log.trials, config.objective, config.sign)
        if best is None:
            raise RunError(_all_failed(folder, log))
        result = SearchResult(folder, config, log, best, None)
        _write_best(result)
        if not seeds:
            return result
        best_config, best_name = final_config(result), final_name(result)
        started = train_in_parallel(category, best_config, seeds, best_name, resources, progress)
        runs = train_seeds(category, best_config, seeds, best_name, on_leaks=on_leaks, progress=progress)
        leaks = next(iter(runs.runs.values())).run.read_leaks() if started else None
        if on_leaks is not None and leaks is not None:
            on_leaks(leaks)
        for one in runs.runs.values():
            write_text(one.run.search_file, name + "\n")
        folder.write_result({"trial": best.number, "runs": {seed: one.run.name for seed, one in runs.runs.items()}})
        return replace(result, runs=runs)


def check_search(category: Category, config: SearchConfig, name: str) -> None:
    """Check a search as `tune` does before its first trial; nothing is written.

    Args:
        category: the prepared data.
        config: configuration of the search.
        name: name of the search.

    Raises:
        ConfigError: a setting, the objective or a bound is not valid.
        FeatureError: a feature table is missing or belongs to other items.
        RunError: the name is taken by another search.
    """
    folder = SearchFolder(category.searches / check_name("search", name))
    config, shared = prepare(category, config)
    folder.check_begun(config, shared.fingerprint)


class Prepared(NamedTuple):
    """A checked search with its data.

    Attributes:
        config: configuration with full names of feature tables.
        fingerprint: hash of data and configuration; see `run_fingerprint`.
        inputs: the data, their split and all feature tables that a trial may read.
    """

    config: SearchConfig
    fingerprint: str
    inputs: Inputs


def prepare(category: Category, config: SearchConfig) -> tuple[SearchConfig, SharedData]:
    """Read and check everything that a search needs.

    Args:
        category: the prepared data.
        config: configuration of the search.

    Returns:
        The configuration with full names of feature tables, and the data that trials share.

    Raises:
        ConfigError: a setting, the objective or a bound is not valid.
        FeatureError: a feature table is missing or belongs to other items.
    """
    config, fingerprint, inputs = read_inputs(category, config)
    shared = SharedData(
        base=config.base.model_dump(mode="json"),
        data=TrainingData.of(_for_trials(inputs.log), inputs.partition, config.base.model.max_length),
        inputs=inputs.catalog.arrays(),
        fingerprint=fingerprint,
        made_of=MadeOf.of(inputs.dataset, inputs.partition, inputs.tables).as_dict(),
    )
    return config, shared


def check_config(config: SearchConfig) -> None:
    """Raise if a search cannot be right for any data.

    Raises:
        ConfigError: a setting, the objective or the device is not valid.
    """
    choose_device(config.base.training.device)
    cutoff(config.objective)
    config.parsed_space().check(config.base)


def check_items(config: SearchConfig, items: int, train_items: int) -> None:
    """Check the objective and the numbers of negatives against the size of the catalog.

    Args:
        config: configuration of the search.
        items: number of items in the catalog.
        train_items: number of items with training events.

    Raises:
        ConfigError: the objective or a number of negatives does not fit.
    """
    if not tells_apart(config.objective, items):
        raise ConfigError(
            f"the objective is {config.objective!r}, but there are only {items:,} items, so every target "
            "would be a hit in every trial; use ndcg@10 or auc"
        )
    _check_negatives(config.base, config.parsed_space(), train_items)


def read_inputs(category: Category, config: SearchConfig) -> Prepared:
    """Read the data and tables of a search, and check the search against them.

    Raises:
        ConfigError: a setting, the objective or a bound is not valid.
        FeatureError: a feature table is missing or belongs to other items.
    """
    base, space = config.base, config.parsed_space()
    check_config(config)  # before the data are read
    prepared = open_split(category, base.split)
    check_items(config, len(prepared.catalog), prepared.n_train_items)
    names = feature_names(space, base)
    inputs = inputs_of(category, base, prepared, names, what="the objective")
    stems = {name: table.path.stem for name, table in zip(names, inputs.tables, strict=True)}
    base, space, start = _with_stems(config, stems)
    base = base.model_copy(update={"evaluation": inputs.config.evaluation})
    config = config.model_copy(update={"base": base, "space": space.plain(), "start": start})
    _check_start(config)
    fingerprint = run_fingerprint(_same_for_all(base), inputs.dataset, inputs.tables, inputs.extras_hash)
    return Prepared(config, fingerprint, inputs)


def final_config(result: SearchResult) -> RunConfig:
    """Return the configuration of the final runs.

    If the final runs also learn from the validation events, no epoch can be selected; they then train as many epochs as the
    best epoch of the trial.
    """
    config, changes = result.best_config, {}
    if result.config.final_on != "train":
        found = result.best.best(result.config.objective, result.config.sign)
        changes = {"training.learn_from": result.config.final_on, "training.epochs": found[0] if found else None}
    if result.config.final_epochs is not None:
        changes["training.epochs"] = result.config.final_epochs
    return changed_config(config, changes)


def final_name(result: SearchResult) -> str:
    """Return the prefix of the names of the final runs: the search, the best trial, and what differs from that trial.

    `final_on` and `final_epochs` may differ between sessions, so they are part of the name, and runs of different sessions do
    not collide.
    """
    config, parts = result.config, [result.folder.name, f"t{result.best.number}"]
    if config.final_on != "train":
        parts.append(config.final_on.replace("+", "-"))
    if config.final_epochs is not None:
        parts.append(f"e{config.final_epochs}")
    return "-".join(parts)


def _with_stems(config: SearchConfig, stems: dict[str, str]) -> tuple[RunConfig, Space, tuple[dict[str, Any], ...]]:
    """Return base, space and starting points with full names of tables, so that a resumed search finds the same tables."""

    def full(features: Iterable[str]) -> list[str]:
        return [stems.get(name, name) for name in features]

    base = config.base
    model = base.model.model_copy(update={"features": tuple(full(base.model.features))})
    plain = dict(config.space)
    if "model.features" in plain:
        plain["model.features"] = {"choice": [full(option) for option in plain["model.features"]["choice"]]}
    start = tuple(
        {key: full(value) if key == "model.features" else value for key, value in point.items()}
        for point in config.start
    )
    return base.model_copy(update={"model": model}), Space.parse(plain), start


def _check_negatives(base: RunConfig, space: Space, items: int) -> None:
    """Raise a ConfigError if some trial would draw more negatives than there are items."""
    varied = [key for key in ("training.negatives", "training.negatives.count") if key in space.settings]
    if not varied:
        base.training.negatives.check(items)
    for key in varied:
        for value in space.settings[key].ends():
            try:
                changed_config(base, {key: value}).training.negatives.check(items)
            except ConfigError as error:
                raise ConfigError(f"space, {key}: {error}") from None


def _check_start(config: SearchConfig) -> None:
    space = config.parsed_space()
    for place, point in enumerate(config.start):
        if not space.holds(point):
            raise ConfigError(f"starting point {place + 1} is no point of the space: {space.what_is_wrong(point)}")


def _same_for_all(base: RunConfig) -> RunConfig:
    """Return the base without its number of epochs, which `SearchFolder.check` compares with a better message."""
    return base.model_copy(update={"training": base.training.model_copy(update={"epochs": 1})})


def _for_trials(interactions: Interactions) -> Interactions:
    """Return the log with numbers as user ids: trials do not read the ids, and strings cannot be shared in memory."""
    names: Any = np.arange(interactions.n_users, dtype=np.int32)
    return replace(interactions, user_ids=names)


def _all_failed(folder: SearchFolder, log: TrialLog) -> str:
    first = next((trial for trial in log.trials.values() if trial.status == "failed"), None)
    name = f"{folder.category.name}/{folder.name}"
    return f"search {name}: all {len(log.trials)} trials failed, the first one with: {first.error if first else 'no value'}"


def _write_best(result: SearchResult) -> None:
    """Write the best settings to `best.yaml`, unless the file already has this content."""
    objective, found = result.config.objective, result.best.best(result.config.objective, result.config.sign)
    assert found is not None
    content = {
        "trial": result.best.number,
        f"valid {objective}": found[1],
        "epoch": found[0],
        "settings": dict(result.best.settings),
    }
    text = yaml.safe_dump(content, sort_keys=False)
    path: Path = result.folder.best_file
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
