"""Summaries of a search for tables and figures: epochs saved by stopping, best value so far, and a row per trial."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from embrec.distributions import Range
from embrec.errors import ConfigError
from embrec.features.encoder import name_in_stem
from embrec.runs.presets import changed_config
from embrec.tuning.config import SearchConfig
from embrec.tuning.records import Status, Trial, best_trial

_BEST, _NEAR = 3, 0.1  # number of best trials that must agree, and the part of a range that counts as its end


@dataclass(frozen=True)
class Savings:
    """Epochs and time saved by stopping trials early.

    Attributes:
        epochs: number of trained epochs, summed over trials.
        epochs_whole: number of epochs without stopping. This is an upper bound, since a stopped trial might have ended early
            for lack of progress.
        seconds: duration of training and validation, summed over trials.
        seconds_whole: estimated duration without stopping: missing epochs take as long as the other epochs of the trial.
    """

    epochs: int
    epochs_whole: int
    seconds: float
    seconds_whole: float

    @property
    def share(self) -> float:
        """Share of the epochs that was saved, between 0 and 1."""
        return 1 - self.epochs / self.epochs_whole if self.epochs_whole else 0.0


@dataclass(frozen=True)
class Step:
    """A trial with the best value so far.

    Attributes:
        number: number of the trial.
        status: how it ended.
        value: its best value; None if it failed or has none.
        best: best value of this trial and all before it; None if there is none.
    """

    number: int
    status: Status
    value: float | None
    best: float | None


@dataclass(frozen=True)
class TrialRow:
    """A trial as a row of a table.

    Attributes:
        rank: rank by value, from 1; None if the trial failed or has no value.
        number: number of the trial.
        value: its best value; None if it has none.
        best_epoch: epoch of that value.
        epochs: number of trained epochs.
        status: how it ended.
        seconds: duration of training and validation.
        settings: dotted key -> value.
        error: reason of a failure; empty otherwise.
    """

    rank: int | None
    number: int
    value: float | None
    best_epoch: int | None
    epochs: int
    status: Status
    seconds: float
    settings: Mapping[str, Any]
    error: str = ""


def savings(trials: Mapping[int, Trial], config: SearchConfig) -> Savings:
    """Return what stopping saved. Only stopped trials count as short of epochs, not finished or failed ones.

    Args:
        trials: trials of a search, by number.
        config: configuration of the search.
    """
    epochs = sum(len(trial.epochs) for trial in trials.values())
    seconds = sum(trial.seconds for trial in trials.values())
    missing = {
        number: config.epochs - len(trial.epochs) for number, trial in trials.items() if trial.status == "stopped"
    }
    lacking = sum(
        lost * trials[number].seconds / max(1, len(trials[number].epochs)) for number, lost in missing.items()
    )
    return Savings(epochs, epochs + sum(missing.values()), seconds, seconds + lacking)


def best_so_far(trials: Mapping[int, Trial], config: SearchConfig) -> list[Step]:
    """Return every trial, in the order of the numbers, with the best value so far."""
    steps: list[Step] = []
    best: float | None = None
    for number in sorted(trials):
        trial = trials[number]
        value = _value(trial, config)
        if value is not None and (best is None or config.sign * value > config.sign * best):
            best = value
        steps.append(Step(number, trial.status, value, best))
    return steps


def counts(trials: Mapping[int, Trial]) -> dict[Status, int]:
    """Return the number of trials of each status; "begun" (not ended) comes last."""
    statuses: tuple[Status, ...] = ("finished", "stopped", "failed", "begun")
    return {status: sum(trial.status == status for trial in trials.values()) for status in statuses}


def trial_rows(trials: Mapping[int, Trial], config: SearchConfig) -> list[TrialRow]:
    """Return a row per trial, the best first; failed trials and those without a value come last, by number."""
    able = {number: value for number, trial in trials.items() if (value := _value(trial, config)) is not None}
    order = sorted(able, key=lambda number: (-config.sign * able[number], number))
    rank = {number: place for place, number in enumerate(order, start=1)}
    return [
        _row(trials[number], rank.get(number), config)
        for number in (*order, *sorted(number for number in trials if number not in able))
    ]


def default_trial(trials: Mapping[int, Trial], config: SearchConfig) -> Trial | None:
    """Return the trial with the settings of the base configuration, if it was a starting point; None otherwise."""
    default = _as_json(config.parsed_space().values_of(config.base))
    first = (trials[number] for number in sorted(trials) if number <= len(config.start))
    return next((trial for trial in first if _as_json(trial.settings) == default), None)


def gain(trials: Mapping[int, Trial], config: SearchConfig) -> float | None:
    """Return the relative improvement of the best trial over the default settings; None if it is not defined."""
    best, default = best_trial(trials, config.objective, config.sign), default_trial(trials, config)
    before = None if default is None else _value(default, config)
    after = None if best is None else _value(best, config)
    return None if not before or after is None else config.sign * (after - before) / abs(before)


def narrow_settings(trials: Mapping[int, Trial], config: SearchConfig) -> list[str]:
    """Return a sentence for each setting whose range may be too narrow.

    A range may be too narrow if the values of the best three trials all lie within a tenth of the same end, and the
    configuration allows values beyond that end. With random settings this would happen to one range in five hundred.
    """
    rows = [row for row in trial_rows(trials, config) if row.rank is not None][:_BEST]
    if len(rows) < _BEST:
        return []
    said = []
    labels = short_labels(config.space)
    for key, distribution in config.parsed_space().settings.items():
        if not isinstance(distribution, Range):
            continue
        shares = [distribution.share(row.settings[key]) for row in rows]
        for end, beyond, near in (
            ("lower", -_NEAR, max(shares) <= _NEAR),
            ("upper", 1 + _NEAR, min(shares) >= 1 - _NEAR),
        ):
            if near and _is_allowed(config, key, distribution.at(beyond)):
                low, high = (shown_setting(key, bound) for bound in distribution.ends())
                said.append(
                    f"The best three trials have {labels[key]} at the {end} end of its range, {low} to {high}: "
                    "a range that goes further may hold better ones."
                )
    return said


def short_labels(keys: Iterable[str]) -> dict[str, str]:
    """Return short labels of settings: the shortest ends of their dotted keys that distinguish them.

    >>> short_labels(["training.learning_rate", "model.dropout", "training.loss.dropout"])
    {'training.learning_rate': 'learning_rate', 'model.dropout': 'model.dropout', 'training.loss.dropout': 'loss.dropout'}
    """
    parts = {key: key.split(".") for key in keys}
    labels = {}
    for key, names in parts.items():
        others = [other for one, other in parts.items() if one != key]
        length = next(
            (size for size in range(1, len(names)) if all(other[-size:] != names[-size:] for other in others)),
            len(names),
        )
        labels[key] = ".".join(names[-length:])
    return labels


def shown_setting(key: str, value: Any) -> str:
    """Format the value of a setting for a table or an axis.

    >>> shown_setting("training.learning_rate", 0.00123456), shown_setting("model.dim", 128), shown_setting("model.fc", None)
    ('0.00123', '128', 'none')
    """
    if isinstance(value, list | tuple):
        return " + ".join(shown_setting(key, one) for one in value) or "none"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return (name_in_stem(str(value)) if key == "model.features" else "") or str(value)


def _value(trial: Trial, config: SearchConfig) -> float | None:
    found = trial.outcome(config.objective, config.sign)
    return None if found is None else found[1]


def _is_allowed(config: SearchConfig, key: str, value: float) -> bool:
    try:
        changed_config(config.base, {key: value})
    except ConfigError:
        return False
    return True


def _row(trial: Trial, rank: int | None, config: SearchConfig) -> TrialRow:
    found = trial.best(config.objective, config.sign)
    epoch, value = found or (None, None)
    return TrialRow(
        rank, trial.number, value, epoch, len(trial.epochs), trial.status, trial.seconds, trial.settings, trial.error
    )


def _as_json(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they are after a round trip through JSON."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
