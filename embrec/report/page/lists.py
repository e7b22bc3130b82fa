"""The section on recommendations: catalog coverage and popularity of the lists, beside those of the targets."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embrec.evaluation.lists import (
    coverage,
    gini,
    head_share,
    list_metrics,
    novelty,
    popularity_calibration,
    recommended_counts,
)
from embrec.report.fallback import Fallback
from embrec.report.page.context import LIST, PageContext
from embrec.report.page.drawing import INK, MUTED, figure, grid
from embrec.report.page.html_parts import NONE, Cell, Figure, HtmlTable, Panels, Section, count, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINTS = 160  # points of a curve; more would not be visible


def lists_section(context: PageContext, found: Mapping[str, Fallback]) -> Section:
    """Return the section.

    Args:
        context: the runs with data and evaluations.
        found: popular items in the lists of each model.
    """
    lists = {key: rows for key in context.models if (rows := context.lists(key)) is not None}
    if not lists:
        return Section("lists", "What is recommended", "lists.html.j2", {"panels": None})
    caption = (
        f"The first {LIST} items for every target. First, how evenly the places in lists are distributed over the catalog; "
        "the straight line is an equal distribution. Then, how popular the listed items are, beside the items chosen next."
    )
    panels = Panels(
        caption,
        [_lorenz(context, lists), _popularity(context, lists)],
        list(lists),
        [("what people chose next", "line-targets")],
    )
    return Section(
        "lists",
        "What is recommended",
        "lists.html.j2",
        {
            "panels": panels,
            "table": _table(context, lists, found),
        },
    )


def _table(context: PageContext, lists: Mapping[str, NDArray[np.int64]], found: Mapping[str, Fallback]) -> HtmlTable:
    log, partition = context.dataset.interactions, context.partition
    k = min(rows.shape[1] for rows in lists.values())
    rows: list[tuple[Cell, ...]] = []
    for key in lists:
        values = list_metrics(context.evaluations[key], log, partition, k, context.vectors)
        shown = round(values[f"coverage@{k}"] * len(context.dataset.catalog))
        rows.append(
            (
                Cell(context.models[key].name, key=key),
                Cell(percent(values[f"coverage@{k}"]), f"{count(shown)} items"),
                Cell(f"{values[f'gini@{k}']:.3f}"),
                Cell(f"{values[f'novelty@{k}']:.2f}"),
                Cell(percent(values[f"head share@{k}"])),
                Cell(percent(found[key].most_listed_share)),
                Cell(f"{values[f'popularity calibration@{k}']:.3f}"),
                Cell(f"{values[f'intra-list similarity@{k}']:.3f}"),
            )
        )
    rows.append(_chosen(context))
    columns = (
        "model",
        "catalog shown",
        "Gini",
        "novelty, bits",
        "head",
        "ten most listed",
        "miscalibration",
        "similarity",
    )
    return HtmlTable(f"The first {k} items of every list", columns, rows)


def _chosen(context: PageContext) -> tuple[Cell, ...]:
    """Return the same measures for the targets, as if each were a list of one item."""
    top = (context.target_items + 1).astype(np.int32)[:, None]
    counts = context.popularity
    chosen = recommended_counts(top, len(counts))
    calibration = popularity_calibration(top, context.dataset.interactions, context.first, counts)
    most = np.sort(chosen)[::-1][:10].sum() / len(top)
    return (
        Cell("what people chose next", key="targets"),
        Cell(percent(coverage(top, len(counts))), f"{count(int(np.count_nonzero(chosen)))} items"),
        Cell(f"{gini(chosen):.3f}"),
        Cell(f"{novelty(top, counts).mean():.2f}"),
        Cell(percent(head_share(top, counts).mean())),
        Cell(percent(most)),
        Cell(f"{np.nanmean(calibration):.3f}" if np.isfinite(calibration).any() else NONE),
        Cell(NONE),
    )


def _lorenz(context: PageContext, lists: dict[str, NDArray[np.int64]]) -> Figure:
    size = len(context.dataset.catalog)
    curves = {key: np.bincount(rows[rows >= 0], minlength=size) for key, rows in lists.items()}

    def draw(axes: "Axes") -> None:
        axes.plot([0, 100], [0, 100], color=MUTED, linewidth=0.8)
        for key, counts in curves.items():
            axes.plot(*_cumulated(counts), **_line(context, key))
        axes.plot(
            *_cumulated(np.bincount(context.target_items, minlength=size)),
            color=INK,
            linewidth=1.4,
            linestyle=":",
        )
        axes.set_xlabel("items of the catalog, % (least listed first)")
        axes.set_ylabel("places in lists, %")
        axes.margins(0.02)
        grid(axes, "both")

    said = "; ".join(f"{context.models[key].name} {gini(counts):.3f}" for key, counts in curves.items())
    description = f"Lorenz curves of places in lists over items. Gini coefficients: {said}."
    return figure("lorenz", "How evenly items are listed", description, draw)


def _line(context: PageContext, key: str) -> dict[str, Any]:
    """Return the style of the curve of a model: its colour, and a few markers."""
    model = context.models[key]
    return {"color": model.colour, "linewidth": 1.6, "marker": model.marker, "markersize": 5, "markevery": 0.25}


def _cumulated(counts: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a Lorenz curve in percent, with fewer points in flat parts."""
    whole = np.concatenate([[0], np.cumsum(np.sort(counts))]) / max(1, counts.sum()) * 100
    at = np.unique(np.searchsorted(whole, np.linspace(0, 100, _POINTS)).clip(0, len(counts)))
    at = np.unique(np.concatenate([[0], np.maximum(at - 1, 0), at, [len(counts)]]))
    return at / len(counts) * 100, whole[at]


def _popularity(context: PageContext, lists: dict[str, NDArray[np.int64]]) -> Figure:
    of_targets = context.popularity[context.target_items]
    series = {key: context.popularity[rows[rows >= 0]] for key, rows in lists.items()}

    def draw(axes: "Axes") -> None:
        highest = max(int(context.popularity.max()), 2)
        at = np.unique(np.concatenate([[0], np.geomspace(1, highest, _POINTS).astype(int)]))
        for key, events in series.items():
            axes.plot(np.maximum(at, 0.7), _at_most(events, at), **_line(context, key))
        axes.plot(np.maximum(at, 0.7), _at_most(of_targets, at), color=INK, linewidth=1.4, linestyle=":")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, place: f"{value:,.0f}" if value >= 1 else "")
        axes.xaxis.set_minor_formatter("")
        axes.set_ylim(0, 102)
        axes.set_xlabel("training events of an item, at most")
        axes.set_ylabel("places in lists, %")
        grid(axes, "both")

    said = "; ".join(f"{context.models[key].name} {np.median(events):,.0f}" for key, events in series.items())
    return figure(
        "listed-popularity",
        "How popular what is listed is",
        f"Share of listed items with at most so many training events. Medians: {said}; what people chose next "
        f"{np.median(of_targets):,.0f}.",
        draw,
    )


def _at_most(events: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.searchsorted(np.sort(events), at, side="right") / max(1, len(events)) * 100
