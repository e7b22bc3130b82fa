"""Search spaces: the settings that a search varies and the distributions of their values."""

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from embrec.distributions import Choice, Distribution, Range, Searchable, parse_distribution
from embrec.errors import ConfigError
from embrec.parameters import call, parameter
from embrec.runs.config import RunConfig
from embrec.runs.presets import changed_config

# Settings that cannot be searched, with the reason.
_FIXED = {
    "model.kind": f"each kind has settings of its own ({parameter('model.kind')}, and {call('compare_searches')} to see two "
    "side by side)",
    "training.epochs": f"it is the budget of each trial ({parameter('epochs')})",
    "training.select_by": f"it is the objective ({parameter('objective')})",
    "training.seed": f"seeds are no setting to be chosen ({parameter('seeds')} trains the best one with several)",
    "training.learn_from": f"trials are compared by validation ({parameter('final_on', 'train+validation')} is for the "
    "best one)",
    "training.device": "it does not change the result",
    "training.workers": "a trial is one process",
    "training.checkpoint_seconds": "it does not change the result",
    "training.validate_every": "trials must be validated at the same times",
    "training.patience": f"trials are stopped by their rank, see {parameter('grace')} and {parameter('reduction')}",
}
_SECTIONS = ("model", "training")
_ALL_SUBSETS = 3  # largest number of tables whose subsets are all options


@dataclass(frozen=True)
class Space:
    """The settings that a search varies.

    Attributes:
        settings: dotted key -> distribution of its values.

    Examples:
        >>> space = Space.parse({"model.dropout": {"uniform": [0, 0.5]}, "model.dim": {"choice": [64, 128]}})
        >>> space.holds({"model.dropout": 0.2, "model.dim": 64}), space.holds({"model.dropout": 0.9, "model.dim": 64})
        (True, False)
    """

    settings: Mapping[str, Distribution]

    def plain(self) -> dict[str, Any]:
        """Return the space as plain values, in the form that users write."""
        return {key: distribution.plain() for key, distribution in self.settings.items()}

    @classmethod
    def parse(cls, values: Any) -> "Space":
        """Return the space of plain values, in the form that users write.

        Raises:
            ConfigError: the form or a bound is not valid; the message names the key.
        """
        if not isinstance(values, Mapping):
            raise ConfigError(
                f"a space is settings with ranges, such as model.dropout: {{uniform: [0, 0.5]}}; not {values!r}"
            )
        settings: dict[str, Distribution] = {}
        for key, value in values.items():
            try:
                settings[str(key)] = parse_distribution(value)
            except ValueError as error:
                raise ConfigError(f"space, {key}: {error}") from None
        features = settings.get("model.features")
        if isinstance(features, Choice):
            options = tuple((option,) if isinstance(option, str) else option for option in features.options)
            settings["model.features"] = Choice(options)
        return cls(settings)

    def check(self, base: RunConfig) -> None:
        """Check that every key is a setting of the configuration, and that its bounds and options are valid values.

        Args:
            base: the configuration that trials change.

        Raises:
            ConfigError: a key is unknown or cannot be searched, or a value is not valid.
        """
        if not self.settings:
            raise ConfigError("the search space is empty: name at least one setting and its range")
        for key, distribution in self.settings.items():
            if key in _FIXED:
                raise ConfigError(f"space, {key}: it cannot be searched; {_FIXED[key]}")
            if key.split(".")[0] not in _SECTIONS:
                raise ConfigError(
                    f"space, {key}: only settings of model and training can be searched, such as model.dropout"
                )
            for outer in self.settings:
                if key.startswith(f"{outer}."):
                    raise ConfigError(f"space: {key} lies inside {outer}, which replaces it; vary one of both")
            for value in distribution.ends():
                try:
                    changed_config(base, {key: value})
                except ConfigError as error:
                    raise ConfigError(f"space, {key}: {error}") from None

    def holds(self, settings: Mapping[str, Any]) -> bool:
        """Return True if `settings` has exactly the keys of the space, each with a value within its distribution."""
        return settings.keys() == self.settings.keys() and all(
            distribution.holds(settings[key]) for key, distribution in self.settings.items()
        )

    def what_is_wrong(self, settings: Mapping[str, Any]) -> str:
        """Return the reason why the space does not contain these settings."""
        if more := sorted(settings.keys() - self.settings.keys()):
            return f"it sets {', '.join(more)}, which the space does not vary"
        if less := sorted(self.settings.keys() - settings.keys()):
            return f"it does not set {', '.join(less)}"
        key = next(key for key, distribution in self.settings.items() if not distribution.holds(settings[key]))
        return f"{key} = {settings[key]!r} is not within {self.settings[key].plain()}"

    def values_of(self, config: RunConfig) -> dict[str, Any]:
        """Return the values of a configuration for the settings of the space."""
        return {key: _value_at(config, key) for key in self.settings}


def default_space(base: RunConfig, features: Sequence[str] = (), fixed: Collection[str] = ()) -> Space:
    """Return the default space of a configuration: all of its fields that are marked `Searchable` and have an effect in it.

    Args:
        base: the configuration whose model, loss and negatives are searched.
        features: names of feature tables; with two or more, the space also varies which of them the model reads.
        fixed: settings that are not varied.
    """
    parts = {
        "model": base.model,
        "training": base.training,
        "training.loss": base.training.loss,
        "training.negatives": base.training.negatives,
    }
    marks = [found for section, part in parts.items() for found in _marks(section, part)]
    settings = {key: mark.within for key, mark in marks if key not in fixed}
    if len(features) > 1 and base.model.source != "id":
        settings["model.features"] = feature_choice(features)
    return Space(settings)


def feature_choice(features: Sequence[str]) -> Choice:
    """Return the choice among subsets of feature tables: all subsets of few tables; of many, each alone and all together."""
    sizes = range(1, len(features) + 1) if len(features) <= _ALL_SUBSETS else (1, len(features))
    return Choice(tuple(subset for size in sizes for subset in itertools.combinations(features, size)))


def _marks(section: str, part: BaseModel) -> Iterator[tuple[str, Searchable]]:
    for name, field in type(part).model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, Searchable) and mark.when(part):
                yield f"{section}.{name}", mark


def _value_at(config: RunConfig, key: str) -> Any:
    part, inside, rest = key.partition(".l2.")
    value: Any = config
    for name in [*part.split("."), *(["l2", rest] if inside else [])]:
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
    if key == "training.negatives":
        return value.count
    if isinstance(value, BaseModel):
        return getattr(value, "name", None)
    return 0.0 if inside and value is None else value


def feature_names(space: Space, base: RunConfig) -> tuple[str, ...]:
    """Return the names of all feature tables that a trial may read."""
    found = list(base.model.features)
    distribution = space.settings.get("model.features")
    if isinstance(distribution, Choice):
        for option in distribution.options:
            found.extend((option,) if isinstance(option, str) else option)
    return tuple(dict.fromkeys(found))


def number_labels(space: Space) -> dict[str, Range | int]:
    """Return the coordinates of a point of the space: label -> range of its value, or number of options of a choice.

    A choice is encoded as the index of its option. An option that is itself a range has a coordinate of its own, KEY/INDEX.
    """
    labels: dict[str, Range | int] = {}
    for key, distribution in space.settings.items():
        if isinstance(distribution, Range):
            labels[key] = distribution
            continue
        labels[key] = len(distribution.options)
        labels |= {
            f"{key}/{place}": option for place, option in enumerate(distribution.options) if isinstance(option, Range)
        }
    return labels


def settings_at(space: Space, point: Mapping[str, float]) -> dict[str, Any]:
    """Return the settings that a point encodes; see `number_labels`."""
    settings: dict[str, Any] = {}
    for key, distribution in space.settings.items():
        if isinstance(distribution, Range):
            settings[key] = _within(distribution, point[key])
            continue
        place = int(point[key])
        option = distribution.options[place]
        settings[key] = _within(option, point[f"{key}/{place}"]) if isinstance(option, Range) else option
    return settings


def point_of(space: Space, settings: Mapping[str, Any]) -> dict[str, float]:
    """Return the point that encodes settings of the space, the inverse of `settings_at`."""
    point: dict[str, float] = {}
    for key, distribution in space.settings.items():
        value = settings[key]
        if isinstance(distribution, Range):
            point[key] = value
            continue
        place = next(place for place, option in enumerate(distribution.options) if Choice((option,)).holds(value))
        point[key] = place
        if isinstance(distribution.options[place], Range):
            point[f"{key}/{place}"] = value
    return point


def _within(distribution: Range, number: float) -> Any:
    value = min(max(round(number) if distribution.whole else number, distribution.low), distribution.high)
    return int(value) if distribution.whole else float(value)
