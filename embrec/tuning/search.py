"""A search from a prepared category to the best model, trained and tested; a killed search continues when repeated."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from embrec.data.interactions import Interactions
from embrec.data.prepared import open_split
from embrec.data.store import in_use
from embrec.errors import ConfigError, RunError
from embrec.evaluation.evaluator import protocol_for
from embrec.evaluation.few_candidates import check_selection
from embrec.evaluation.leaks import LeakReport
from embrec.evaluation.metrics import cutoff, tells_apart
from embrec.files import write_text
from embrec.parameters import call, parameter
from embrec.progress import Progress, silent
from embrec.runs.assembly import TrainingData
from embrec.runs.config import RunConfig
from embrec.runs.inputs import Inputs, inputs_of, run_fingerprint
from embrec.runs.local import choose_device
from embrec.runs.presets import changed_config
from embrec.runs.provenance import MadeOf
from embrec.runs.seeds import SeedsResult, check_seeds, train_seeds
from embrec.tuning.config import SearchConfig
from embrec.tuning.final_runs import train_ahead
from embrec.tuning.folder import SearchFolder
from embrec.tuning.on_ray import OnChange, run_trials
from embrec.tuning.records import Trial, TrialLog, best_trial
from embrec.tuning.resources import Resources
from embrec.tuning.space import Space, feature_names
from embrec.tuning.trial import SharedData
from embrec.workspace import Category, check_name


@dataclass(frozen=True)
class SearchResult:
    """What `tune` returns.

    Attributes:
        folder: folder of the search.
        config: configuration of the search, feature tables by their full names.
        log: log of its trials.
        best: trial with the best settings.
        runs: models trained with these settings, one for each seed; None if there are no seeds.
    """

    folder: SearchFolder
    config: SearchConfig
    log: TrialLog
    best: Trial
    runs: SeedsResult | None

    @property
    def best_config(self) -> RunConfig:
        """The configuration of the best trial, before the changes of `final_config`."""
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
    """Search the settings of a model, then train the best ones with several seeds and test each model once.

    Called again with the same arguments, an interrupted search continues: finished trials are kept, and those that were running
    continue from their checkpoints. With more samples, a finished search continues too.

    Args:
        category: the prepared data, or its name.
        config: configuration of the search; feature tables by name.
        name: name of the search and beginning of the names of its runs: NAME-t7-s0 is seed 0 with the settings of trial 7; see
            `final_name`.
        resources: resources of the trials; one processor each, and all processors, if None.
        on_change: called when a trial starts, has trained an epoch or ends.
        on_leaks: called with the findings of the checks for leaks before the final training.
        progress: called after every step of the final training.

    Raises:
        ConfigError: a setting, the objective or a bound does not fit; nothing is done then.
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
        ahead = train_ahead(category, best_config, seeds, best_name, resources, progress)
        runs = train_seeds(category, best_config, seeds, best_name, on_leaks=on_leaks, progress=progress)
        leaks = next(iter(runs.runs.values())).run.read_leaks() if ahead else None
        if on_leaks is not None and leaks is not None:
            on_leaks(leaks)
        for one in runs.runs.values():
            write_text(one.run.search_file, name + "\n")
        folder.write_result({"trial": best.number, "runs": {seed: one.run.name for seed, one in runs.runs.items()}})
        return replace(result, runs=runs)


def check_search(category: Category, config: SearchConfig, name: str) -> None:
    """Raise the errors that `tune` would raise before its first trial; nothing is written.

    Raises:
        ConfigError: a setting, the objective or a bound does not fit.
        FeatureError: a feature table is missing or belongs to other items.
        RunError: the name is taken by another search.
    """
    folder = SearchFolder(category.searches / check_name("search", name))
    config, shared = prepare(category, config)
    folder.check_begun(config, shared.fingerprint)


class Prepared(NamedTuple):
    """The configuration that a search keeps, and its data.

    Attributes:
        config: configuration with feature tables by their full names.
        fingerprint: hash of the data.
        inputs: what trials read, with every feature table that one of them may read.
    """

    config: SearchConfig
    fingerprint: str
    inputs: Inputs


def prepare(category: Category, config: SearchConfig) -> tuple[SearchConfig, SharedData]:
    """Read and check everything that a search needs before it starts.

    Returns:
        The configuration with feature tables by their full names, and the data that trials share.

    Raises:
        ConfigError: a setting, the objective or a bound does not fit.
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


def check_wishes(config: SearchConfig) -> None:
    """Raise if a search cannot be right for any data.

    Raises:
        ConfigError: a setting, the objective or the device.
    """
    cutoff(config.objective)
    choose_device(config.base.training.device)
    config.parsed_space().check(config.base)


def check_items(config: SearchConfig, items: int, train_items: int) -> None:
    """Raise if a search does not fit the size of a catalog.

    Args:
        config: configuration of the search.
        items: number of items.
        train_items: number of items with training events.

    Raises:
        ConfigError: the objective, or a number of negatives.
    """
    if not tells_apart(config.objective, items):
        raise ConfigError(
            f"the objective is {config.objective!r}, but there are only {items:,} items, so every target "
            "would be a hit in every trial; use ndcg@10 or auc"
        )
    _check_negatives(config.base, config.parsed_space(), train_items)


def read_inputs(category: Category, config: SearchConfig) -> Prepared:
    """Read the data of a search and check that its configuration fits them.

    Raises:
        ConfigError: a setting, the objective or a bound does not fit.
        FeatureError: a feature table is missing or belongs to other items.
    """
    base, space = config.base, config.parsed_space()
    check_wishes(config)  # before the data are read
    prepared = open_split(category, base.split)
    items, partition = len(prepared.catalog), prepared.partition
    check_items(config, items, prepared.n_train_items)
    names = feature_names(space, base)
    inputs = inputs_of(category, base, prepared, names)
    stems = {name: table.path.stem for name, table in zip(names, inputs.tables, strict=True)}
    base, space, start = _with_stems(config, stems)
    evaluation = protocol_for(base.evaluation, items, config.objective)
    check_selection(
        config.objective, prepared.interactions, partition.valid, evaluation, items, partition.hidden,
        what="the objective",
    )  # fmt: skip
    base = base.model_copy(update={"evaluation": evaluation})
    config = config.model_copy(update={"base": base, "space": space.plain(), "start": start})
    _check_start(config)
    fingerprint = run_fingerprint(_same_for_all(base), inputs.dataset, inputs.tables, inputs.extras_hash)
    return Prepared(config, fingerprint, inputs)


def final_config(result: SearchResult) -> RunConfig:
    """Return the configuration of the final models, which are trained with the best settings.

    With validation events among the training events nothing is left to choose an epoch by, so the number of epochs is that of
    the trial's best one.
    """
    config, changes = result.best_config, {}
    if result.config.final_on != "train":
        found = result.best.best(result.config.objective, result.config.sign)
        changes = {"training.learn_from": result.config.final_on, "training.epochs": found[0] if found else None}
    if result.config.final_epochs is not None:
        changes["training.epochs"] = result.config.final_epochs
    return changed_config(config, changes)


def final_name(result: SearchResult) -> str:
    """Return the beginning of the names of the final models' runs: the search, the best trial, and differences from it.

    The differences may change from one session of the search to the next; naming them keeps the runs of sessions apart.
    """
    config, parts = result.config, [result.folder.name, f"t{result.best.number}"]
    if config.final_on != "train":
        parts.append(config.final_on.replace("+", "-"))
    if config.final_epochs is not None:
        parts.append(f"e{config.final_epochs}")
    return "-".join(parts)


def _with_stems(config: SearchConfig, stems: dict[str, str]) -> tuple[RunConfig, Space, tuple[dict[str, Any], ...]]:
    """Return base, space and starting points with the full names of tables, so that a resumed search reads the same tables."""

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
    """Raise a ConfigError if the base or an end of a range draws more negatives than there are items."""
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
    """Return the base whose fingerprint names the data of a search; the length of trials is compared elsewhere."""
    return base.model_copy(update={"training": base.training.model_copy(update={"epochs": 1})})


def _for_trials(interactions: Interactions) -> Interactions:
    """Return the log with numbers as user names: trials do not read names, and texts cannot be shared in memory."""
    names: Any = np.arange(interactions.n_users, dtype=np.int32)
    return replace(interactions, user_ids=names)


def _all_failed(folder: SearchFolder, log: TrialLog) -> str:
    first = next((trial for trial in log.trials.values() if trial.status == "failed"), None)
    name = f"{folder.category.name}/{folder.name}"
    return f"search {name}: all {len(log.trials)} trials failed, the first one with: {first.error if first else 'no value'}"


def _write_best(result: SearchResult) -> None:
    """Write the best settings for people and for a later training, unless the file has them already."""
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
