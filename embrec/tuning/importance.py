"""Which settings of a search mattered: how much worse a forest predicts trials when one setting is shuffled among them.

Source: [breiman2001] sec. 10, permutation importance, here of trials that the forest has not seen, so that a
setting that it only learned by heart counts for nothing.
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

FEWEST = 8  # trials below which no forest is grown
_TREES = 50
_FOLDS, _IN_FOLD = 5, 4  # folds at most, and trials that each has at least
_SHUFFLES = 10
_NOTHING, _MUCH = 0.1, 0.5  # explained shares below which importances mean nothing, and above which they mean much


@dataclass(frozen=True)
class SettingShare:
    """What part of the differences between trials goes back to one setting.

    Attributes:
        key: the setting.
        mean: its share, over all forests.
        low: the least share that a forest of one seed gave it.
        high: the greatest.
    """

    key: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Importance:
    """How much each setting mattered, and how far that can be believed.

    Attributes:
        shares: of all settings, the greatest first; they sum to 1. Empty where they are not defined.
        explained: R^2 of predictions of trials that the forests had not seen; None where none was grown.
        trials: how many were learned from.
        stopped: how many of them were stopped early.
        reason: why there are no shares; empty where there are.
    """

    shares: tuple[SettingShare, ...]
    explained: float | None
    trials: int
    stopped: int = 0
    reason: str = ""

    @property
    def is_meaningful(self) -> bool:
        """Whether the forests explain anything, without which their shares are noise."""
        return bool(self.shares) and self.explained is not None and self.explained >= _NOTHING

    @property
    def words(self) -> str:
        """How far the shares can be believed, in a sentence."""
        if not self.shares or self.explained is None:
            return f"The importance of settings is not known: {self.reason}."
        if not self.is_meaningful:
            return (
                f"The forest explains nothing of trials that it has not seen (R² {_signed(self.explained)}), so the shares "
                "are noise; more trials are needed."
            )
        hint = "" if self.explained >= _MUCH else ", so the shares are a hint and no more"
        said = (
            f"The forest explains {self.explained * 100:.0f} % of the variation of trials that it has not seen{hint}."
        )
        if self.stopped > self.trials / 2:
            said += (
                f" {self.stopped} of {self.trials} trials were stopped early: the shares tell what makes a training begin "
                "well, and little of what makes it end well."
            )
        return said


def setting_importance(trials: Mapping[int, Trial], config: SearchConfig, *, seeds: int = 5) -> Importance:
    """Measure how much each searched setting decided about the best value of a trial.

    A forest learns the values of most trials from their settings and predicts those of the others; a setting is as important
    as the squared error grows when it is shuffled. A choice and the numbers that depend on its options are one setting, and
    are shuffled together. Logarithmic ranges are learned from in logarithms.

    Trials that failed do not count. Those that were stopped early do, with the best value of fewer epochs: what makes a
    training begin well counts for more here than what makes it end well, and where most were stopped the latter is hardly
    seen, for nobody knows how they would have ended. A search that learns draws most trials where it hopes for good ones,
    so shares tell of that part of the space.

    Args:
        trials: of a search, by number.
        config: what was searched.
        seeds: forests are grown, and trials divided into those learned from and predicted, once a seed.

    Returns:
        The shares, or why there are none. Equal trials give equal shares.
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
    """Return what a forest sees of a setting, [trials, columns]."""
    if isinstance(distribution, Range):
        return np.array([[_scaled(distribution, trial.point[key])] for trial in trials])
    places = [int(trial.point[key]) for trial in trials]
    if all(_is_number(option) for option in distribution.options):
        return np.array([[float(distribution.options[place])] for place in places])
    return np.array([_of_choice(key, distribution, trial, place) for trial, place in zip(trials, places, strict=True)])


def _of_choice(key: str, choice: Choice, trial: Trial, chosen: int) -> list[float]:
    """Return which option was chosen, a column each, and the number of each option that is a range; its least if not."""
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
    """Return how much the squared error grows with each setting shuffled, [settings], and R^2, all of unseen trials."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.metrics import r2_score
    from sklearn.model_selection import KFold

    n, settings = len(values), len(columns)
    generator = np.random.default_rng(seed)
    # Whose setting a trial has, [versions, n, settings]: first its own, then one setting at a time from another trial.
    whose = np.tile(np.arange(n)[None, :, None], (1 + settings * _SHUFFLES, 1, settings))
    for setting in range(settings):
        for shuffle in range(_SHUFFLES):
            whose[1 + setting * _SHUFFLES + shuffle, :, setting] = generator.permutation(n)
    predicted = np.empty(whose.shape[:2])
    for seen, unseen in KFold(min(_FOLDS, n // _IN_FOLD), shuffle=True, random_state=seed).split(values):
        forest = RandomForestRegressor(_TREES, random_state=seed).fit(np.hstack(columns)[seen], values[seen])
        asked = whose[:, unseen].reshape(-1, settings)
        inputs = np.hstack([column[asked[:, setting]] for setting, column in enumerate(columns)])
        predicted[:, unseen] = forest.predict(inputs).reshape(len(whose), -1)
    errors = ((predicted - values) ** 2).mean(axis=1)
    return errors[1:].reshape(settings, _SHUFFLES).mean(axis=1) - errors[0], float(r2_score(values, predicted[0]))


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
