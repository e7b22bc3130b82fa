"""Output of the analyses: figures as PNG and SVG, numbers as JSON, and what several of the figures share."""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embrec.comparisons.figures import save_figure
from embrec.files import write_json
from embrec.locks import together

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_EACH = 20  # largest number of lengths that each get a tick
_CHARACTERS_PER_INCH = 13  # in the title of a figure


def write_analysis(folder: Path, name: str, drawing: Callable[[], "Figure"], numbers: Mapping[str, Any]) -> None:
    """Write `NAME.png`, `NAME.svg` and `NAME.json`; the JSON file comes last and marks a complete result.

    Args:
        folder: folder to write into.
        name: name of the files, without suffix.
        drawing: function that draws the figure.
        numbers: values of the JSON file.
    """
    with together(folder):
        save_figure(drawing, folder, name)
        write_json(folder / f"{name}.json", plain(numbers))


def plain(value: Any) -> Any:
    """Return a value in a form that JSON can hold: lists instead of arrays, and None instead of NaN and infinity.

    >>> plain({"mean": np.float64("nan"), "counts": np.array([1, 2])})
    {'mean': None, 'counts': [1, 2]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def ranges(numbers: Sequence[int]) -> str:
    """Return increasing numbers as text, with consecutive ones as ranges.

    >>> ranges([1, 2, 3, 7, 9, 10])
    '1 to 3, 7, 9 to 10'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def entitle(figure: "Figure", *lines: str) -> None:
    """Set the title of a figure, wrapping lines to its width."""
    width = int(figure.get_figwidth() * _CHARACTERS_PER_INCH)
    folded = "\n".join(part for line in lines for part in textwrap.wrap(line, width))
    figure.suptitle(literal(folded), fontsize=9.5)


def literal(text: str) -> str:
    """Escape dollar signs, so that matplotlib does not read a text as a formula."""
    return text.replace("$", r"\$")


def mark_lengths(ax: "Axes", lengths: Sequence[int]) -> None:
    """Set the ticks of the x axis to numbers of events: all of them if they are few, else some."""
    from matplotlib.ticker import FixedLocator, MaxNLocator

    ax.xaxis.set_major_locator(FixedLocator(list(lengths)) if len(lengths) <= _EACH else MaxNLocator(8, integer=True))
    ax.set_xlabel("events before the target")
