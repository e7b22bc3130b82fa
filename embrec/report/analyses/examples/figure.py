"""The figures of example users, after [semikin2019] Figs. 7 and 8: a row a user, of history, recommendations and target.

Items are shown by their pictures where the catalog has any, and as cards with their titles where it has none.
"""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from embrec.comparisons.figures import COLOURS, empty_figure
from embrec.report.analyses.context import AnalysisContext
from embrec.report.analyses.examples.measure import HISTORY, JUDGED, LIST, ExampleGroup, Examples, place_words
from embrec.report.analyses.files import entitle, literal
from embrec.report.examples import Example
from embrec.report.fallback import POPULAR_SHARE
from embrec.report.pictures import small_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches. A row is a line of words, the items, and their titles.
_CELL, _GAP, _PART = 1.28, 0.1, 0.34
_PICTURE, _CARD = 1.35, 1.0
_WORDS, _UNDER, _BETWEEN = 0.24, 0.36, 0.16
_HEADING = 0.42
_EDGE = 300  # pixels of a picture's longer edge
_POPULAR, _CAME = COLOURS[1], COLOURS[2]


def draw(subject: AnalysisContext, found: Examples, group: ExampleGroup) -> "Figure":
    """Return the figure of one kind of users."""
    images = subject.dataset.catalog.image_paths()
    shown = [row for one in group.people for row in (*one.history, *_listed(one), one.next_item)]
    pictures = {
        int(row): picture
        for row in dict.fromkeys(shown)
        if (path := images[int(row)]) is not None and (picture := small_picture(path, _EDGE)) is not None
    }
    item = _PICTURE if pictures else _CARD
    row_height = _WORDS + item + (_UNDER if pictures else 0) + _BETWEEN
    width = (HISTORY + LIST + 1) * (_CELL + _GAP) + 2 * _PART
    height = _HEADING + row_height * len(group.people)
    figure = empty_figure(width, height + 0.95)
    ax = figure.subplots()
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    ax.set_aspect("equal")
    ax.set_axis_off()
    cells = _Cells(ax, subject, found, pictures, item)
    starts = (0.0, HISTORY * (_CELL + _GAP) + _PART, (HISTORY + LIST) * (_CELL + _GAP) + 2 * _PART)
    words = (
        f"last {HISTORY} items of the history, in time →",
        f"top {LIST} recommendations, best first →",
        "what came next",
    )
    for x, text in zip(starts, words, strict=True):
        ax.text(x, 0.16, text, fontsize=9, va="center", weight="bold")
    for x in starts[1:]:
        ax.plot([x - _PART / 2 - _GAP / 2] * 2, [0.05, height - _BETWEEN], color="0.3", linewidth=1)
    for place, one in enumerate(group.people):
        top = _HEADING + place * row_height
        words_of_row = (
            f"user {one.user}, after {one.before:,} events; {group.popular_listed[place]} of the first {JUDGED} listed are "
            f"popular; what came next ranked {place_words(one)}"
        )
        ax.text(0, top, literal(words_of_row), fontsize=7.5, color="0.25", va="center")
        top += _WORDS / 2 + 0.03
        first = starts[0] + (HISTORY - len(one.history)) * (_CELL + _GAP)  # the latest beside the line
        cells.row(first, top, one.history, None)
        cells.row(starts[1], top, _listed(one), one.next_item)
        cells.row(starts[2], top, [one.next_item], one.next_item)
    entitle(
        figure,
        f"{subject.title}: {group.title} ({group.choice.eligible:,} such targets; {found.users:,} users in all)",
        group.choice.rule,
        f"frames: orange, dashed: among the most popular {POPULAR_SHARE:.0%} of items; green: what came next",
    )
    return figure


def _listed(one: Example) -> Sequence[int]:
    (rows,) = one.lists.values()
    return [int(row) for row in rows]


class _Cells:
    """Draws items beside each other.

    Args:
        ax: in inches, downwards.
        subject: whose items they are.
        found: which of them are popular.
        pictures: of those that have one, catalog row -> picture.
        height: of an item.
    """

    def __init__(
        self, ax: "Axes", subject: AnalysisContext, found: Examples, pictures: Mapping[int, object], height: float
    ) -> None:
        self.ax, self.subject, self.found, self.pictures, self.height = ax, subject, found, pictures, height

    def row(self, x: float, top: float, rows: Iterable[int], came: int | None) -> None:
        """Draw items from left to right; the one that came next is framed."""
        for place, row in enumerate(rows):
            self._cell(x + place * (_CELL + _GAP), top, int(row), int(row) == came)

    def _cell(self, x: float, top: float, row: int, came: bool) -> None:
        picture = self.pictures.get(row)
        bottom = top + self.height
        left, right = x, x + _CELL
        if picture is not None:
            pixels = np.asarray(picture)
            scale = min(_CELL / pixels.shape[1], self.height / pixels.shape[0])
            wide, high = pixels.shape[1] * scale, pixels.shape[0] * scale
            left = x + (_CELL - wide) / 2
            right, top_edge = left + wide, bottom - high
            self.ax.imshow(pixels, extent=(left, right, bottom, top_edge), interpolation="antialiased", zorder=1)
            self._frame(left, top_edge, right, bottom, row, came)
            self._text(x + _CELL / 2, bottom + 0.05, row, lines=2, size=6.5, va="top")
            return
        self._frame(left, top, right, bottom, row, came, "0.96")
        self._text(x + _CELL / 2, (top + bottom) / 2, row, lines=6, size=7, va="center")

    def _frame(
        self, left: float, top: float, right: float, bottom: float, row: int, came: bool, fill: str = "none"
    ) -> None:
        from matplotlib.patches import Rectangle

        popular = bool(self.found.popular[row])
        box = ((left, top), right - left, bottom - top)
        self.ax.add_patch(Rectangle(*box, facecolor=fill, edgecolor="0.75", linewidth=0.7, zorder=2))
        if came:
            self.ax.add_patch(Rectangle(*box, facecolor="none", edgecolor=_CAME, linewidth=2.4, zorder=3))
        if popular:
            inner = ((left + 0.03, top + 0.03), right - left - 0.06, bottom - top - 0.06)
            for colour, width, style in (("white", 2.8, "-"), (_POPULAR, 1.8, "--")):  # seen on a picture of any colour
                self.ax.add_patch(
                    Rectangle(*inner, facecolor="none", edgecolor=colour, linewidth=width, linestyle=style, zorder=4)
                )

    def _text(self, x: float, y: float, row: int, *, lines: int, size: float, va: str) -> None:
        folded = textwrap.wrap(
            self.subject.name_of(row, 200), width=round(131 / size), max_lines=lines, placeholder="…"
        )
        self.ax.text(x, y, literal("\n".join(folded)), fontsize=size, ha="center", va=va, linespacing=1.15, zorder=5)
