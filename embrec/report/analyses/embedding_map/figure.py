"""The figure of an embedding map, after [weimann2022] Fig. 3.

The upper panels show queries and items, coloured by their scores with the red point of the other panel. The lower panels show
the items coloured by the share of users who have them in their top tenth, and this share against popularity.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embrec.comparisons.figures import COLOURS, LETTERS, empty_figure, finish
from embrec.report.analyses.context import AnalysisContext
from embrec.report.analyses.embedding_map.measure import TOP, Bias, EmbeddingMap
from embrec.report.analyses.files import entitle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

_RED = "#E3120B"
_BINS, _IN_A_BIN = 12, 10  # bins of popularity, and items that a bin needs for its mean
_SHARES = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 1)  # ticks of the colour bar
_TITLE = 44  # characters of an item's title


def draw(context: AnalysisContext, found: EmbeddingMap) -> "Figure":
    """Return the figure."""
    from matplotlib.colors import Normalize, PowerNorm
    from matplotlib.ticker import NullLocator, PercentFormatter

    match, bias = found.match, found.bias
    figure = empty_figure(9.2, 8.9)
    (left, right), (offered, popular) = figure.subplots(2, 2)
    whole = Normalize(0, 1)
    colours = _cloud(left, found.queries, found.query_match, whole)
    _cloud(right, found.places, found.item_match, whole)
    red = int(np.searchsorted(found.items, match.item))
    for ax, place in ((left, found.queries[match.query]), (right, found.places[red])):
        ax.plot(*place, "o", color=_RED, markersize=9, markeredgecolor="white", markeredgewidth=1.6, zorder=5)
    _name(left, 0, f"{len(found.users):,} queries, by the red item's place")
    _name(right, 1, f"their {len(found.items):,} next items, by place for the red query")
    bar = figure.colorbar(colours, ax=[left, right], shrink=0.85, label="stands above this share of the other items")
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1))
    # The square root spreads small shares: most items are in the top tenth of few users.
    share = bias.share[found.items]
    drawn = _cloud(offered, found.places, share, PowerNorm(0.5, 0, max(share.max(), 2 * TOP)))
    _name(offered, 2, f"the items, by users in whose top {TOP:.0%} they are")
    bar = figure.colorbar(drawn, ax=offered, shrink=0.85, label=f"share of users (mean of all items: {TOP:.0%})")
    bar.set_ticks([one for one in _SHARES if one <= max(share.max(), 2 * TOP)])
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    _against_popularity(popular, bias)
    entitle(
        figure,
        f"{context.title}: t-SNE of queries and items; ranks among all items of the catalog",
        f"red: user {match.user} after {match.events:,} events, and the next item, "
        f"'{context.name_of(match.item, _TITLE)}', above {match.above:.1%} of the others",
        f"popularity bias: Spearman's correlation {bias.correlation:+.2f}; {bias.nobody:.1%} of items in nobody's "
        f"top {TOP:.0%}, {bias.majority:.1%} in that of most users",
    )
    return figure


def _cloud(
    ax: "Axes", places: NDArray[np.float64], values: NDArray[np.float64], scale: "Normalize"
) -> "PathCollection":
    """Draw points in the given order, which is independent of their values, so that no colour hides the others."""
    return ax.scatter(
        places[:, 0], places[:, 1], c=values, cmap="viridis", norm=scale, s=7, linewidths=0, rasterized=True
    )


def _name(ax: "Axes", place: int, title: str) -> None:
    """Set the title and axis labels of a map; t-SNE axes have no unit, so there are no ticks."""
    ax.set_title(f"({LETTERS[place]}) {title}", fontsize=9.5)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlabel("t-SNE 1")
    ax.set_ylabel("t-SNE 2")
    ax.spines[["top", "right"]].set_visible(False)


def _against_popularity(ax: "Axes", bias: Bias) -> None:
    known = ~np.isnan(bias.share)
    events, share = bias.popularity[known], bias.share[known] * 100
    ax.scatter(events + 1, share, s=6, color=COLOURS[0], alpha=0.12, linewidths=0, rasterized=True)
    ax.plot([], [], "o", color=COLOURS[0], markersize=3, label="an item")  # an opaque marker for the legend
    edges = np.geomspace(1, events.max() + 1, _BINS + 1)
    which = np.clip(np.searchsorted(edges, events + 1, side="right") - 1, 0, _BINS - 1)
    bins = [which == one for one in np.flatnonzero(np.bincount(which) >= _IN_A_BIN)]
    ax.plot(
        [events[one].mean() + 1 for one in bins],
        [share[one].mean() for one in bins],
        color=COLOURS[5],
        marker="o",
        markersize=4,
        linewidth=1.5,
        label="mean of items as popular",
    )
    ax.axhline(TOP * 100, color="0.35", linestyle=":", linewidth=1.2, label="mean of all items")
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel("training events of the item + 1")
    ax.set_ylabel(f"users with it in their top {TOP:.0%}, %")
    ax.legend(fontsize=8, frameon=False, loc="upper left")
    finish(ax, 3, "who is offered an item, by its popularity")
