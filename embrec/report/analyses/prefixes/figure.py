"""The figure of the prefix analysis, after [semikin2019] Fig. 9: numbers of targets, and metrics, by length of history."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from embrec.comparisons.figures import COLOURS, empty_figure, finish
from embrec.comparisons.measurements import CONFIDENCE
from embrec.report.analyses.files import entitle, mark_lengths
from embrec.report.analyses.prefixes.measure import Point, Prefixes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HERE, _FIRST = COLOURS[0], COLOURS[5]
_PERCENT = ("hr@", "recall@", "accuracy")


def draw(found: Prefixes, title: str, protocol: str) -> "Figure":
    """Return the figure.

    Args:
        found: metrics by the number of events.
        title: title of the figure.
        protocol: protocol of the evaluation, in words.
    """
    panels = 1 + len(found.metrics)
    columns = panels if panels <= 3 else 2
    rows = -(-panels // columns)
    figure = empty_figure(4.1 * columns, 3.3 * rows + 0.75)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    _lengths(axes[0], found)
    for place, (name, points) in enumerate(found.metrics.items(), start=1):
        _curve(axes[place], place, name, points)
    for ax in axes[panels:]:
        ax.set_axis_off()
    for ax in axes[1:panels]:
        ax.set_xlim(axes[0].get_xlim())
    handles, labels = axes[1].get_legend_handles_labels()
    if len(handles) > 1:
        figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    total = sum(found.counts.values()) + found.longer
    entitle(
        figure,
        f"{title}: {total:,} test targets of {found.users:,} users",
        f"{protocol}; {CONFIDENCE:.0%} intervals over users",
    )
    return figure


def _lengths(ax: "Axes", found: Prefixes) -> None:
    lengths, counts = list(found.counts), list(found.counts.values())
    ax.bar(lengths, counts, width=0.8, color="0.62")
    ax.set_ylabel("targets")
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlim(min(lengths) - 0.7, max(lengths) + 0.7)
    mark_lengths(ax, lengths)
    if found.longer:
        ax.annotate(
            f"{found.longer:,} after more than {max(lengths)}",
            (0.98, 0.95),
            xycoords="axes fraction",
            ha="right",
            va="top",
            fontsize=8,
            color="0.3",
        )
    finish(ax, 0, "how many targets")


def _curve(ax: "Axes", place: int, name: str, points: Sequence[Point]) -> None:
    scale = 100 if name.startswith(_PERCENT) else 1
    events = [point.events for point in points]
    means = [point.mean * scale for point in points]
    firsts = [point.at_first * scale for point in points if point.at_first is not None]
    ax.fill_between(
        events,
        [point.low * scale for point in points],
        [point.high * scale for point in points],
        color=_HERE,
        alpha=0.2,
        linewidth=0,
    )
    ax.plot(events, means, color=_HERE, marker="o", markersize=4, linewidth=1.5, label="after so many events")
    if firsts:
        ax.plot(
            events,
            firsts,
            color=_FIRST,
            marker="s",
            markersize=3.5,
            markerfacecolor="white",
            linewidth=1.2,
            linestyle="--",
            label="the same users at their first target",
        )
    ax.set_ylabel(name.upper() + (", %" if scale == 100 else ""))
    mark_lengths(ax, events)
    finish(ax, place, f"{name.upper()} by events before")
