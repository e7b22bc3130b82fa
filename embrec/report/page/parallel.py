"""Parallel coordinates of a search: an axis for each setting and for the objective, and a line for each trial."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from embrec.distributions import Choice, Distribution, Range, Uniform
from embrec.report.page.drawing import INK, figure
from embrec.report.page.html_parts import Figure, shown_metric
from embrec.report.page.models import COLOURS
from embrec.tuning.config import SearchConfig
from embrec.tuning.records import Trial
from embrec.tuning.summary import short_labels, shown_setting, trial_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STRONG, WEAK = COLOURS[0], "#7f8791"
_SPACING, _FEW = 104, 620  # smallest distance of two axes, and width that few axes are spread over, in pixels
_LAST, _LEFT = 76, 8  # pixels right of the last axis, for its labels, and left of the first
_HEIGHT, _NAMES, _BELOW = 290, 30, 8  # pixels of the figure, above the axes for names in one line, and below the axes
_LINE = 14  # pixels of a further line of a name
_LETTERS = 14  # characters of a name in one line
_NEAR = 0.11  # smallest distance of two labels, as a share of the axis
_RANGE = 3.0  # height of a range among the options of a choice, relative to a single value


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        name: label above the axis.
        place: function from a value to its height, 0 to 1.
        ticks: (height, label), far enough apart to be readable.
        spread: height over which lines with the same option are spread, so that trials can be counted.
    """

    name: str
    place: Callable[[Any], float]
    ticks: Sequence[tuple[float, str]]
    spread: float = 0.0


def parallel(trials: Mapping[int, Trial], config: SearchConfig) -> Figure | None:
    """Draw the trials that have a value; None if there are fewer than two.

    Args:
        trials: trials of a search, by number.
        config: configuration of the search.
    """
    rows = [row for row in trial_rows(trials, config) if row.rank is not None]
    if len(rows) < 2:
        return None
    space = config.parsed_space().settings
    labels = short_labels(space)
    values = [float(row.value or 0) for row in rows]
    axes = [setting_axis(key, labels[key], distribution) for key, distribution in space.items()]
    axes.append(value_axis(shown_metric(config.objective), values, config.sign))
    points = [[*(row.settings[key] for key in space), value] for row, value in zip(rows, values, strict=True)]
    best = tenth(len(rows))
    lines = max(wrapped(axis.name, _LETTERS).count("\n") for axis in axes)
    height = _HEIGHT + _LINE * lines
    spacing = max(_SPACING, min(2 * _SPACING, _FEW // (len(axes) - 1)))

    def draw(canvas: "Axes") -> None:
        canvas.set_axis_off()
        canvas.set_xlim(-_LEFT, (len(axes) - 1) * spacing + _LAST)
        canvas.set_ylim(-_BELOW, height - _BELOW)
        for rank in reversed(range(len(points))):
            heights = [
                _high(axis.place(value) + axis.spread * (0.5 - rank / (len(points) - 1)))
                for axis, value in zip(axes, points[rank], strict=True)
            ]
            strong = rank < best
            canvas.plot(
                [place * spacing for place in range(len(axes))],
                heights,
                color=STRONG if strong else WEAK,
                linewidth=2.4 if rank == 0 else 1.5 if strong else 0.7,
                zorder=3 if strong else 2,
            )
        for place, axis in enumerate(axes):
            at = place * spacing
            canvas.plot([at, at], [_high(0), _high(1)], color=INK, linewidth=1, zorder=4)
            canvas.text(at - 3, _high(1) + 12, wrapped(axis.name, _LETTERS), va="bottom", zorder=5)
            for share, label in axis.ticks:
                canvas.plot([at - 3, at + 3], [_high(share)] * 2, color=INK, linewidth=1, zorder=4)
                canvas.text(at + 6, _high(share), wrapped(label, _LETTERS), va="center", zorder=5)

    return figure(
        "search-parallel",
        "Settings and outcome of every trial",
        _said(axes, list(space), points, best),
        draw,
        height=height,
        width=_LEFT + (len(axes) - 1) * spacing + _LAST,
    )


def tenth(trials: int) -> int:
    """Return the number of trials in the best tenth, at least one."""
    return max(1, round(trials / 10))


def setting_axis(key: str, name: str, distribution: Distribution) -> Axis:
    """Return the axis of a setting; the options of a choice are stacked, and a range among them is taller."""
    if isinstance(distribution, Range):
        return Axis(name, distribution.share, _range_ticks(key, distribution))
    options = _ordered(distribution.options)
    sizes = [_RANGE if isinstance(option, Range) else 1.0 for option in options]
    edges = np.cumsum([0.0, *sizes]) / sum(sizes)
    slots = [(float(low), float(high)) for low, high in pairwise(edges)]
    ticks: list[tuple[float, str]] = []
    texts = [shown_setting(key, option) for option in options]
    alike = len(set(texts)) < len(texts)
    for option, slot, text in zip(options, slots, texts, strict=True):
        if isinstance(option, Range):
            ticks += _range_ticks(key, option, *_inner(slot))
        else:
            ticks.append((sum(slot) / 2, shown_setting("", option) if alike else text))

    def place(value: Any) -> float:
        chosen = next(at for at, option in enumerate(options) if Choice((option,)).holds(value))
        option = options[chosen]
        if not isinstance(option, Range):
            return sum(slots[chosen]) / 2
        low, high = _inner(slots[chosen])
        return low + (high - low) * option.share(value)

    return Axis(name, place, ticks, 0.3 / sum(sizes))


def _ordered(options: Sequence[Any]) -> list[Any]:
    """Return options from the bottom up: numbers by size (a range by its lower end), words in the given order."""
    least = [option.low if isinstance(option, Range) else option for option in options]
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in least):
        return [options[place] for place in sorted(range(len(least)), key=lambda place: least[place])]
    return list(options)[::-1]


def wrapped(text: str, letters: int) -> str:
    """Wrap a name at separators into lines of at most `letters` characters; a longer part stays whole."""
    lines = [""]
    for part in re.findall(r"[^_. +-]+[_. +-]*|[_. +-]+", text):
        if lines[-1] and len(lines[-1] + part.rstrip()) > letters:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def value_axis(name: str, values: Sequence[float], sign: int) -> Axis:
    """Return the axis of the objective, with better values at the top."""
    low, high = min(values), max(values)
    span = high - low or 1.0

    def place(value: float) -> float:
        up = (value - low) / span
        return up if sign > 0 else 1 - up

    if high == low:
        return Axis(name, place, [(place(low), f"{low:.4f}")])
    ticks = [
        (low, f"{low:.4f}"),
        *((value, f"{value:g}") for value in _between(Uniform(low, high))),
        (high, f"{high:.4f}"),
    ]
    return Axis(name, place, [(place(value), label) for value, label in ticks])


def _range_ticks(key: str, distribution: Range, low: float = 0.0, high: float = 1.0) -> list[tuple[float, str]]:
    """Return labels for both ends of a range between two heights, and for round numbers in between."""
    values = [distribution.low, *_between(distribution, _NEAR / (high - low)), distribution.high]
    return [
        (
            low + (high - low) * distribution.share(value),
            shown_setting(key, int(value) if distribution.whole else float(value)),
        )
        for value in values
    ]


def _between(distribution: Range, room: float = _NEAR) -> list[float]:
    """Return round numbers inside a range, ascending, at least `room` apart from each other and from the ends."""
    from matplotlib.ticker import LogLocator, MaxNLocator

    wide = distribution.logarithmic and distribution.high >= 10 * distribution.low
    locator = LogLocator() if wide else MaxNLocator(5, integer=distribution.whole)
    shares: list[float] = [0.0, 1.0]
    kept = []
    for value in map(float, locator.tick_values(distribution.low, distribution.high)):
        if distribution.low < value < distribution.high:
            share = distribution.share(value)
            if all(abs(share - other) >= room for other in shares):
                shares.append(share)
                kept.append(value)
    return kept


def _inner(slot: tuple[float, float]) -> tuple[float, float]:
    """Return the part of a slot for a range, with a margin to the neighbouring options."""
    margin = (slot[1] - slot[0]) * 0.12
    return slot[0] + margin, slot[1] - margin


def _high(share: float) -> float:
    return share * (_HEIGHT - _NAMES - 2 * _BELOW)


def _said(axes: Sequence[Axis], keys: Sequence[str], points: Sequence[Sequence[Any]], best: int) -> str:
    """Return the text alternative: the values of the best trials on each axis."""
    found = []
    for place, (axis, key) in enumerate(zip(axes[:-1], keys, strict=True)):
        values = [point[place] for point in points[:best]]
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            ends = f"{min(values):.3g}", f"{max(values):.3g}"
            found.append(f"{axis.name} {ends[0]}" + (f" to {ends[1]}" if ends[0] != ends[1] else ""))
        else:
            found.append(f"{axis.name} {', '.join(dict.fromkeys(shown_setting(key, value) for value in values))}")
    who = "best trial has" if best == 1 else f"best {best} have"
    return f"Parallel coordinates of {len(points)} trials, a line each; the {who} {'; '.join(found)}."
