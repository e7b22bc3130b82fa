"""Searches made by hand: a configuration and a log, without a trial that was ever trained."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from embrec.distributions import Choice, Range
from embrec.runs.config import RunConfig
from embrec.tuning.config import Halving, SearchConfig
from embrec.tuning.folder import SearchFolder
from embrec.tuning.records import Status, Trial, TrialLog
from embrec.tuning.space import point_of
from embrec.workspace import Category
from support.categories import toy_config


def search_config(
    space: Mapping[str, Any], *, epochs: int = 9, objective: str = "hr@10", **options: Any
) -> SearchConfig:
    """A search of the toy model, whose trials are compared after one epoch already if nothing else is said."""
    options = {"halving": Halving(grace=1)} | options
    training = {"epochs": epochs, "select_by": objective}
    base = toy_config().model_dump()
    base["training"] |= training
    return SearchConfig(base=RunConfig.model_validate(base), space=dict(space), **options)


def made_trial(
    config: SearchConfig,
    number: int,
    settings: Mapping[str, Any],
    values: Iterable[float],
    status: Status = "finished",
    *,
    seconds: float = 2.0,
    error: str = "",
) -> Trial:
    """A trial with a validation value an epoch, each of which took so many seconds."""
    epochs = tuple(
        {"epoch": epoch, "loss": 1 / epoch, f"valid {config.objective}": value, "seconds": seconds * epoch}
        for epoch, value in enumerate(values, start=1)
    )
    point = point_of(config.parsed_space(), settings)
    return Trial(number, point, dict(settings), status, epochs, error)


def drawn_settings(config: SearchConfig, generator: np.random.Generator) -> dict[str, Any]:
    """Settings by chance, all options and numbers alike."""
    return {key: _drawn(distribution, generator) for key, distribution in config.parsed_space().settings.items()}


def drawn_trials(
    config: SearchConfig, count: int, value: Callable[[Mapping[str, Any], np.random.Generator], float], seed: int = 0
) -> dict[int, Trial]:
    """Trials of one epoch with settings by chance, whose value is a function of them."""
    generator = np.random.default_rng(seed)
    trials = {}
    for number in range(1, count + 1):
        settings = drawn_settings(config, generator)
        trials[number] = made_trial(config, number, settings, [value(settings, generator)])
    return trials


def some_trials(config: SearchConfig, count: int = 14, error: str = "it burst") -> list[Trial]:
    """Trials of nine epochs: 4 wins, 5 failed, 6 has not ended, every third was stopped; 1 is the first starting point."""
    generator = np.random.default_rng(0)
    trials = []
    for number in range(1, count + 1):
        settings = config.start[0] if number == 1 and config.start else drawn_settings(config, generator)
        length, status = {5: (1, "failed"), 6: (2, "begun")}.get(
            number, (9, "finished") if number % 3 else (3, "stopped")
        )
        height = {1: 0.2, 4: 0.3}.get(number, 0.1 + 0.001 * number)
        values = [height * epoch / length for epoch in range(1, length + 1)]
        trials.append(made_trial(config, number, settings, values, status, error=error if status == "failed" else ""))
    return trials


def wide_search() -> SearchConfig:
    """A search of many settings with long names."""
    space: dict[str, Any] = {
        f"model.{name}_dropout": {"uniform": [0, 0.5]} for name in ("sequence", "attention", "item")
    }
    space |= {f"model.size_of_{name}": {"log-integer": [16, 4096]} for name in ("the_first_layer", "queries")}
    space |= {
        "training.learning_rate": {"log-uniform": [1e-5, 1e-1]},
        "training.weight_decay": {"choice": [0.0, {"log-uniform": [1e-4, 0.3]}]},
        "model.features": {"choice": [["a-long-name-of-an-encoder-1a2b"], ["glove-100-3c4d", "tfidf-5e6f"]]},
        "training.loss.regularization": {"uniform": [0, 1]},
    }
    return search_config(space)


def write_search(category: Category, name: str, config: SearchConfig, trials: Iterable[Trial]) -> SearchFolder:
    """Write a search as if its trials had been run."""
    folder = SearchFolder(category.searches / name)
    folder.begin(config, "made by hand")
    log: TrialLog = folder.log()
    log.log_session(at=0.0, slots=2)
    for trial in trials:
        log.begin(trial.number, trial.point, trial.settings)
        for record in trial.epochs:
            log.epoch(trial.number, record, "here")
        if trial.ended:
            log.end(trial.number, trial.status, trial.error)
    return folder


def _drawn(distribution: Any, generator: np.random.Generator) -> Any:
    if isinstance(distribution, Choice):
        option = distribution.options[generator.integers(len(distribution.options))]
        return _drawn(option, generator) if isinstance(option, Range) else option
    ends = np.log([distribution.low, distribution.high]) if distribution.logarithmic else distribution.ends()
    number = float(generator.uniform(*ends))
    number = float(np.exp(number)) if distribution.logarithmic else number
    return round(number) if distribution.whole else number
