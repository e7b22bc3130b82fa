"""Distributions of a hyperparameter search: declared on the fields of a configuration, or written in YAML.

Written as a mapping of one key: `{uniform: [0, 0.5]}`, `{log-uniform: [1e-5, 1e-2]}`, `{integer: [64, 256]}`,
`{log-integer: [64, 4096]}`, or `{choice: [...]}`, whose options are values or ranges again.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from embrec.names import unknown


@dataclass(frozen=True)
class Range:
    """Numbers between two bounds, both included.

    Attributes:
        low: lower bound.
        high: upper bound.
    """

    kind: ClassVar[str]
    logarithmic: ClassVar[bool] = False
    whole: ClassVar[bool] = False

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ValueError(f"the bounds [{self.low:g}, {self.high:g}] are not finite")
        if self.low >= self.high:
            what = "reversed" if self.low > self.high else "equal"
            raise ValueError(f"the bounds [{self.low:g}, {self.high:g}] are {what}; give the lower one first")
        if self.logarithmic and self.low <= 0:
            raise ValueError(f"the lower bound {self.low:g} of a logarithmic range must be above 0")
        if self.whole and (self.low % 1 or self.high % 1):
            raise ValueError(f"the bounds [{self.low:g}, {self.high:g}] of integers must be whole")

    def plain(self) -> dict[str, Any]:
        """Return the range as users write it."""
        bounds = [int(bound) if self.whole else float(bound) for bound in (self.low, self.high)]
        return {self.kind: bounds}

    def holds(self, value: Any) -> bool:
        """Return True if a value lies in the range."""
        return (
            isinstance(value, int if self.whole else int | float)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )

    def ends(self) -> tuple[Any, ...]:
        """Return the bounds: if both are valid settings, so are all values between them."""
        return tuple(self.plain()[self.kind])

    def share(self, value: float) -> float:
        """Return the relative position of a value: 0 at the lower bound, 1 at the upper one, on the scale of the range.

        >>> Uniform(0, 4).share(1), LogUniform(1e-4, 1).share(1e-2)
        (0.25, 0.5)
        """
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low)

    def at(self, share: float) -> float:
        """Return the value at a relative position, the inverse of `share`; positions below 0 or above 1 lie outside.

        >>> Uniform(0, 4).at(0.25), Integer(64, 128).at(-0.25)
        (1.0, 48)
        """
        if self.logarithmic:
            value = self.low * (self.high / self.low) ** share
        else:
            value = self.low + (self.high - self.low) * share
        return round(value) if self.whole else value


class Uniform(Range):
    """Real numbers, uniformly distributed."""

    kind = "uniform"


class LogUniform(Range):
    """Real numbers with uniformly distributed logarithms."""

    kind = "log-uniform"
    logarithmic = True


class Integer(Range):
    """Whole numbers, uniformly distributed."""

    kind = "integer"
    whole = True


class LogInteger(Range):
    """Whole numbers with uniformly distributed logarithms."""

    kind = "log-integer"
    logarithmic = True
    whole = True


@dataclass(frozen=True)
class Choice:
    """One of several options, which are plain values or ranges."""

    kind: ClassVar[str] = "choice"

    options: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.options:
            raise ValueError("a choice needs at least one option")

    def plain(self) -> dict[str, Any]:
        """Return the choice as users write it."""
        return {self.kind: [_plain_option(option) for option in self.options]}

    def holds(self, value: Any) -> bool:
        """Return True if a value is one of the options, or lies in one of them."""
        value = tuple(value) if isinstance(value, list) else value
        return any(
            option.holds(value) if isinstance(option, Range) else _same(option, value) for option in self.options
        )

    def ends(self) -> tuple[Any, ...]:
        """Return the options, of a range its bounds: if all are valid settings, so is every value of the choice."""
        return tuple(
            end for option in self.options for end in (option.ends() if isinstance(option, Range) else (option,))
        )


def _same(one: Any, other: Any) -> bool:
    """Return True if two plain values are equal and both or neither are booleans (in Python True == 1)."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


Distribution = Range | Choice
_EXPONENT = re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+")
RANGES: dict[str, type[Range]] = {kind.kind: kind for kind in (Uniform, LogUniform, Integer, LogInteger)}


@dataclass(frozen=True)
class Searchable:
    """Mark of a configuration field that belongs to the default search space.

    Attributes:
        within: distribution to search.
        when: predicate of a configuration: True if the field has an effect in it.
    """

    within: Distribution
    when: Callable[[Any], bool] = lambda _: True


def parse_distribution(value: Any) -> Distribution:
    """Read a distribution as users write it.

    Raises:
        ValueError: the value has another form, or its bounds are invalid.
    """
    kinds = [*RANGES, Choice.kind]
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError(f"{value!r} is not one of {', '.join(kinds)} with its values, such as {{uniform: [0, 0.5]}}")
    ((kind, content),) = value.items()
    if kind not in kinds:
        raise ValueError(unknown("kind of range", str(kind), kinds))
    if not isinstance(content, list | tuple):
        raise ValueError(f"{kind} is followed by a list, not by {content!r}")
    if kind == Choice.kind:
        return Choice(tuple(_option(option) for option in content))
    if len(content) != 2:
        raise ValueError(f"{kind} has two bounds, [low, high], not {len(content)}")
    return RANGES[kind](*(_number(bound) for bound in content))


def _option(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in RANGES:
        return parse_distribution(value)
    return tuple(value) if isinstance(value, list) else number_of_text(value)


def number_of_text(value: Any) -> Any:
    """Return the number of a text such as `1e-5`, which YAML reads as text for lack of a dot; any other value as it is."""
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        return float(value)
    return value


def _plain_option(option: Any) -> Any:
    if isinstance(option, Range):
        return option.plain()
    return list(option) if isinstance(option, tuple) else option


def _number(value: Any) -> float:
    """Read a bound."""
    number = number_of_text(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError(f"the bound {value!r} is not a number")
    try:
        return float(number)
    except OverflowError:
        raise ValueError("a bound is too large to be a number") from None
