"""The figure of coverage, after [semikin2019] Fig. 10.

The left panel shows the recommended items, the right panel the last items before the targets.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from embrec.comparisons.figures import COLOURS, empty_figure, finish
from embrec.comparisons.measurements import CONFIDENCE
from embrec.report.analyses.coverage.measure import CatalogShare, Coverage, drawn_words
from embrec.report.analyses.files import entitle, mark_lengths

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(found: Coverage, title: str) -> "Figure":
    """Return the figure.

    Args:
        found: coverage at each length.
        title: title of the figure.
    """
    figure = empty_figure(9, 3.9)
    left, right = figure.subplots(1, 2)
    events = [one.events for one in found.lengths]
    recommended, context = [one.recommended for one in found.lengths], [one.context for one in found.lengths]
    _panel(left, events, recommended, min(1, found.drawn * found.k / found.items), COLOURS[0], "o")
    finish(left, 0, f"recommended items: {found.drawn:,} lists of {found.k}")
    _panel(right, events, context, min(1, found.drawn / found.items), COLOURS[5], "s")
    finish(right, 1, f"context items: the last before each of the same {found.drawn:,}")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles[:1], labels[:1], loc="outside lower center", frameon=False)
    entitle(figure, title, f"{drawn_words(found)}; means, and bars over {CONFIDENCE:.0%} of the draws")
    return figure


def _panel(
    ax: "Axes", events: Sequence[int], shares: Sequence[CatalogShare], most: float, colour: str, marker: str
) -> None:
    """Draw means with bars, and a line at the largest possible coverage."""
    ax.axhline(most * 100, color="0.35", linestyle=":", linewidth=1.2, label="if all drawn items differed")
    means = [share.mean * 100 for share in shares]
    below = [(share.mean - share.low) * 100 for share in shares]
    above = [(share.high - share.mean) * 100 for share in shares]
    ax.errorbar(
        events,
        means,
        [below, above],
        color=colour,
        marker=marker,
        markersize=4,
        linewidth=1.4,
        elinewidth=1,
        capsize=2.5,
    )
    mark_lengths(ax, events)
    ax.set_ylim(0, most * 108)
    ax.set_ylabel("share of the catalog, %")
