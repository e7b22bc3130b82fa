"""The importance of settings of a search: permutation importance in a random forest that predicts the value of a trial.

Source: [breiman2001] sec. 10. Errors are measured on trials that the forest was not trained on, so a setting that it merely
overfits gets no importance.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.distributions import Choice, Distribution, Range
from embrec.tuning.config import SearchConfig
from embrec.tuning.records import Trial

FEWEST = 8  # trials that a forest needs
_TREES = 50
_FOLDS, _IN_FOLD = 5, 4  # largest number of folds, and smallest number of trials in each
_SHUFFLES = 10
_NOTHING, _MUCH = 0.1, 0.5  # R^2 below which importances are noise, and above which they are reliable


@dataclass(frozen=True)
class SettingShare:
    """The importance of one setting, as a share of the total.

    Attributes:
        key: dotted key of the setting.
        mean: mean share over the forests of all seeds.
        low: smallest share in the forest of one seed.
        high: largest share in the forest of one seed.
    """

    key: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Importance:
    """The importance of every setting, and how reliable it is.

    Attributes:
        shares: importances of all settings, the largest first; they sum to 1. Empty if they are not defined.
        explained: R^2 of the forests on trials that they were not trained on; None if no forest was trained.
        trials: number of trials with a value.
        stopped: number of these trials that were stopped early.
        reason: reason for missing shares; empty if there are shares.
    """

    shares: tuple[SettingShare, ...]
    explained: float | None
    trials: int
    stopped: int = 0
    reason: str = ""

    @property
    def is_meaningful(self) -> bool:
        """True if the forests predict unseen trials; otherwise the shares are noise."""
        return bool(self.shares) and self.explained is not None and self.explained >= _NOTHING

    @property
    def words(self) -> str:
        """A sentence on how reliable the shares are."""
        if not self.shares or self.explained is None:
            return f"The importance of settings is not known: {self.reason}."
        if not self.is_meaningful:
            return (
                f"The forest explains nothing of unseen trials (R² {_signed(self.explained)}), so the shares are noise; more "
                "trials are needed."
            )
        hint = "" if self.explained >= _MUCH else ", so the shares are only a hint"
        said = f"The forest explains {self.explained * 100:.0f} % of the variance of unseen trials{hint}."
        if self.stopped > self.trials / 2:
            said += (
                f" {self.stopped} of {self.trials} trials were stopped early: the shares tell what makes a training begin "
                "well, and little about what makes it end well."
            )
        return said


def setting_importance(trials: Mapping[int, Trial], config: SearchConfig, *, seeds: int = 5) -> Importance:
    """Measure how much each searched setting influences the best value of a trial.

    A random forest is trained on the settings and values of most trials and predicts the values of the others. The importance
    of a setting is the increase of the squared error when its values are shuffled among the trials. A choice and the numbers
    that depend on its options count as one setting and are shuffled together. Logarithmic ranges enter as logarithms.

    Failed trials are left out. Trials that were stopped early count with the best value of fewer epochs, so settings that help
    at the start of training weigh more than settings that help at its end. TPE draws most trials from promising regions, so the
    shares describe these regions rather than the whole space.

    Args:
        trials: trials of a search, by number.
        config: configuration of the search.
        seeds: number of repetitions, each with its own forests and folds.

    Returns:
        The shares, or the reason why there are none. The result is deterministic.
    """
    able = [(trial, found[1]) for trial in trials.values() if (found := _value(trial, config)) is not None]
    stopped = sum(trial.status == "stopped" for trial, _ in able)
    if len(able) < FEWEST:
        few = {0: "no trial has a value", 1: "only 1 trial has a value"}.get(
            len(able), f"only {len(able)} trials have a value"
        )
        return Importance((), None, len(able), stopped, f"{few}, and it takes {FEWEST}")
    values = np.array([value for _, value in able])
    if np.ptp(values) == 0:
        return Importance((), None, len(able), stopped, "all trials have the same value")
    space = config.parsed_space().settings
    columns = [_columns(key, distribution, [trial for trial, _ in able]) for key, distribution in space.items()]
    measured = [_measure(columns, values, seed) for seed in range(seeds)]
    growth = np.array([one for one, _ in measured]).clip(0)  # [seeds, settings]
    explained = float(np.mean([one for _, one in measured]))
    growth = growth[growth.any(axis=1)]
    if not len(growth):
        return Importance(
            (), explained, len(able), stopped, "no setting helps to predict a trial; more trials are needed"
        )
    parts = growth / growth.sum(axis=1, keepdims=True)
    shares = [
        SettingShare(key, float(part.mean()), float(part.min()), float(part.max()))
        for key, part in zip(space, parts.T, strict=True)
    ]
    return Importance(tuple(sorted(shares, key=lambda share: -share.mean)), explained, len(able), stopped)


def _value(trial: Trial, config: SearchConfig) -> tuple[int, float] | None:
    found = trial.outcome(config.objective, config.sign)
    return found if found is not None and math.isfinite(found[1]) else None


def _columns(key: str, distribution: Distribution, trials: list[Trial]) -> NDArray[np.float64]:
    """Return the input columns of a setting, [trials, columns]."""
    if isinstance(distribution, Range):
        return np.array([[_scaled(distribution, trial.point[key])] for trial in trials])
    places = [int(trial.point[key]) for trial in trials]
    if all(_is_number(option) for option in distribution.options):
        return np.array([[float(distribution.options[place])] for place in places])
    return np.array([_choice_row(key, distribution, trial, place) for trial, place in zip(trials, places, strict=True)])


def _choice_row(key: str, choice: Choice, trial: Trial, chosen: int) -> list[float]:
    """Return a one-hot code of the chosen option, then a number per range among the options (its lower end if not chosen)."""
    row = [float(place == chosen) for place in range(len(choice.options))]
    for place, option in enumerate(choice.options):
        if isinstance(option, Range):
            row.append(_scaled(option, trial.point[f"{key}/{place}"] if place == chosen else option.low))
    return row


def _scaled(distribution: Range, number: float) -> float:
    return math.log(number) if distribution.logarithmic else float(number)


def _is_number(option: Any) -> bool:
    return isinstance(option, int | float) and not isinstance(option, bool)


def _measure(columns: list[NDArray[np.float64]], values: NDArray[np.float64], seed: int) -> tuple[Any, float]:
    """Return the increase of the squared error with each setting shuffled, [settings], and R^2, both on unseen trials."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.metrics import r2_score
    from sklearn.model_selection import KFold

    n, settings = len(values), len(columns)
    generator = np.random.default_rng(seed)
    # Trial that each setting is taken from, [versions, n, settings]: first its own, then another trial for one setting.
    source = np.tile(np.arange(n)[None, :, None], (1 + settings * _SHUFFLES, 1, settings))
    for setting in range(settings):
        for shuffle in range(_SHUFFLES):
            source[1 + setting * _SHUFFLES + shuffle, :, setting] = generator.permutation(n)
    predicted = np.empty(source.shape[:2])
    for seen, unseen in KFold(min(_FOLDS, n // _IN_FOLD), shuffle=True, random_state=seed).split(values):
        forest = RandomForestRegressor(_TREES, random_state=seed).fit(np.hstack(columns)[seen], values[seen])
        rows = source[:, unseen].reshape(-1, settings)
        inputs = np.hstack([column[rows[:, setting]] for setting, column in enumerate(columns)])
        predicted[:, unseen] = forest.predict(inputs).reshape(len(source), -1)
    errors = ((predicted - values) ** 2).mean(axis=1)
    return errors[1:].reshape(settings, _SHUFFLES).mean(axis=1) - errors[0], float(r2_score(values, predicted[0]))


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
