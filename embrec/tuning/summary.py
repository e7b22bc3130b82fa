"""What a search comes to, as plain values: what stopping saved, how the best value grew, and how every trial did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from embrec.distributions import Range
from embrec.errors import ConfigError
from embrec.features.encoder import name_in_stem
from embrec.runs.presets import changed_config
from embrec.tuning.config import SearchConfig
from embrec.tuning.records import Status, Trial, best_trial

_BEST, _NEAR = 3, 0.1  # trials that agree, and what part of a range is near its end


@dataclass(frozen=True)
class Savings:
    """What stopping trials early saved.

    Attributes:
        epochs: that were trained.
        epochs_whole: that would have been, had no trial been stopped. A stopped trial might have ended before its last epoch
            because it no longer gained, so this is the most that it can be.
        seconds: that training and validation took, all trials added up.
        seconds_whole: an estimate of what they would have taken: the epochs that a trial lacks take as long as its others.
    """

    epochs: int
    epochs_whole: int
    seconds: float
    seconds_whole: float

    @property
    def share(self) -> float:
        """The share of the epochs that was saved."""
        return 1 - self.epochs / self.epochs_whole if self.epochs_whole else 0.0


@dataclass(frozen=True)
class Step:
    """A trial on the way to the best one.

    Attributes:
        number: of the trial.
        status: how it ended.
        value: its best value, None if it has none or failed.
        best: the best value of this trial and all before it, None if none has one.
    """

    number: int
    status: Status
    value: float | None
    best: float | None


@dataclass(frozen=True)
class TrialRow:
    """A trial as a row of a table.

    Attributes:
        rank: from 1, by value; None if it has none or failed.
        number: of the trial.
        value: its best one, None if it has none.
        best_epoch: when it had that.
        epochs: that it was trained.
        status: how it ended.
        seconds: that it took.
        settings: key -> value.
        error: why it failed.
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
    """Return what stopping saved. Only stopped trials lack epochs: others trained as many as they were to, or failed.

    Args:
        trials: of a search, by number.
        config: what was searched.
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
    """Return every trial, by number, with the best value up to it."""
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
    """Return how many trials there are of each status, those that have not ended ("begun") last."""
    statuses: tuple[Status, ...] = ("finished", "stopped", "failed", "begun")
    return {status: sum(trial.status == status for trial in trials.values()) for status in statuses}


def trial_rows(trials: Mapping[int, Trial], config: SearchConfig) -> list[TrialRow]:
    """Return every trial, the best first; those without a value and those that failed come last, by number."""
    able = {number: value for number, trial in trials.items() if (value := _value(trial, config)) is not None}
    order = sorted(able, key=lambda number: (-config.sign * able[number], number))
    rank = {number: place for place, number in enumerate(order, start=1)}
    return [
        _row(trials[number], rank.get(number), config)
        for number in (*order, *sorted(number for number in trials if number not in able))
    ]


def default_trial(trials: Mapping[int, Trial], config: SearchConfig) -> Trial | None:
    """Return the trial of a starting point that has the settings of the base configuration; None if there was none."""
    default = _plain(config.parsed_space().values_of(config.base))
    first = (trials[number] for number in sorted(trials) if number <= len(config.start))
    return next((trial for trial in first if _plain(trial.settings) == default), None)


def gain(trials: Mapping[int, Trial], config: SearchConfig) -> float | None:
    """Return by how much of its value the best trial is better than the default settings; None where that is not defined."""
    best, default = best_trial(trials, config.objective, config.sign), default_trial(trials, config)
    before = None if default is None else _value(default, config)
    after = None if best is None else _value(best, config)
    return None if not before or after is None else config.sign * (after - before) / abs(before)


def narrow_settings(trials: Mapping[int, Trial], config: SearchConfig) -> list[str]:
    """Return in sentences which settings may have better values outside the range that was searched.

    Those whose values in the best three trials all lie within a tenth of one end of a range, where the configuration
    allows what lies beyond: were settings drawn by chance, this would befall one in five hundred.
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
    """Return settings by the end of their names, as much of it as tells them apart.

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
    """Write the value of a setting for a table or an axis.

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


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as JSON would give them back."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
