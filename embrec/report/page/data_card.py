"""The section on data: sizes, distributions, what the import dropped, and sample items."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.data.store import Dataset
from embrec.data.timeline import Timeline, timeline
from embrec.report.page.context import PageContext
from embrec.report.page.drawing import INK, figure, grid
from embrec.report.page.html_parts import (
    NONE,
    Figure,
    HtmlTable,
    Panels,
    Section,
    Tile,
    cells,
    count,
    percent,
    shortened,
)
from embrec.report.page.items import Showcase
from embrec.report.page.models import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAMPLE = 8
_BARS = 28
_COLOUR = COLOURS[0]
_SHOWN_TEXT = 90


def data_section(context: PageContext, show: Showcase) -> Section:
    """Return the section."""
    dataset = context.dataset
    log = dataset.interactions
    events_of_item = np.bincount(log.item, minlength=len(dataset.catalog))
    figures = [_lengths(log.lengths), _popularity(events_of_item)]
    caption = "How long histories are, and how unevenly events fall on items."
    has_dates = timeline(dataset) == Timeline.DATES
    if has_dates:
        figures.append(_times(log.time))
        caption = "How long histories are, how unevenly events fall on items, and when they happened."
    rows = np.sort(
        np.random.default_rng(context.seed).choice(
            len(dataset.catalog), min(SAMPLE, len(dataset.catalog)), replace=False
        )
    )
    content = {
        "tiles": _tiles(dataset, has_dates=has_dates),
        "figures": Panels(caption, figures),
        "dropped": _dropped(dataset.meta.get("report", {})),
        "texts": _texts(dataset.catalog),
        "source": _source(dataset.meta.get("import", {})),
        "sample": show(rows),
        "seed": context.seed,
    }
    return Section("data", "The data", "data.html.j2", content)


def _tiles(dataset: Dataset, *, has_dates: bool) -> list[Tile]:
    log, catalog = dataset.interactions, dataset.catalog
    numbers = dataset.statistics()
    images = sum(path is not None for path in catalog.image_paths())
    text = np.count_nonzero([bool(text) for text in catalog.texts()])
    if has_dates:
        first, last = (datetime.fromtimestamp(int(time), UTC) for time in (log.time.min(), log.time.max()))
        when = Tile("time", f"{first:%b %Y} \N{EN DASH} {last:%b %Y}", f"{(last - first).days:,} days")
    else:
        when = Tile("time", "order only", "the source has no dates")
    return [
        Tile("users", count(log.n_users), f"with a median of {count(np.median(log.lengths))} events"),
        Tile("items", count(len(catalog)), f"{count(numbers['items'])} of them with events"),
        Tile("events", count(len(log)), f"{percent(numbers['density'], 2)} of all pairs of user and item"),
        when,
        Tile("items with text", percent(text / len(catalog)), ", ".join(catalog.text_columns) or "no text columns"),
        Tile("items with a picture", percent(images / len(catalog)), f"{count(images)} of {count(len(catalog))}"),
    ]


def _lengths(lengths: NDArray[np.int64]) -> Figure:
    lengths = lengths[lengths > 0]
    quarter, middle, three = np.quantile(lengths, [0.25, 0.5, 0.75])

    first, last = int(lengths.min()), int(lengths.max())
    is_wide = last >= 30 * first  # linear bins would put nearly all histories into one bar
    edges = np.geomspace(first, last + 1, _BARS) if is_wide else np.linspace(first, last + 1, _BARS)
    edges = np.unique(edges.round().astype(int))

    def draw(axes: "Axes") -> None:
        heights, _ = np.histogram(lengths, bins=edges)
        axes.bar(edges[:-1], heights / np.diff(edges), width=np.diff(edges), align="edge", color=_COLOUR, linewidth=0)
        axes.axvline(float(middle), color=INK, linewidth=1, dashes=(4, 3))
        axes.annotate(
            f"median {middle:.0f}",
            (float(middle), 1),
            xycoords=("data", "axes fraction"),
            xytext=(5, -2),
            textcoords="offset points",
            va="top",
        )
        if is_wide:
            axes.set_xscale("log")
        axes.xaxis.set_major_formatter(_tick_label)
        axes.xaxis.set_minor_formatter("")
        axes.yaxis.set_major_formatter(_tick_label)
        axes.set_xlabel("events of a user")
        axes.set_ylabel("users at each length")
        grid(axes)

    return figure(
        "lengths",
        "Lengths of histories",
        f"Histogram of the events of a user: from {lengths.min():,} to {lengths.max():,}; the middle half lies between "
        f"{quarter:,.0f} and {three:,.0f}, the median is {middle:,.0f}.",
        draw,
    )


def _popularity(events: NDArray[np.int64]) -> Figure:
    ordered = np.sort(events)[::-1]
    fifth = ordered[: max(1, len(ordered) // 5)].sum() / max(1, ordered.sum())

    def draw(axes: "Axes") -> None:
        positive = ordered[ordered > 0]
        places = np.unique(np.geomspace(1, len(positive), 120).astype(int))
        axes.plot(places, positive[places - 1], color=_COLOUR, linewidth=2)
        axes.fill_between(places, positive[places - 1], 0.8, color=_COLOUR, alpha=0.1, linewidth=0)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.8)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(_tick_label)
            axis.set_minor_formatter("")
        axes.set_xlabel("items, the most popular first")
        axes.set_ylabel("events of an item")
        axes.text(
            0.06,
            0.07,
            f"a fifth of the items\nhas {percent(fifth, 0)} of the events",
            ha="left",
            va="bottom",
            transform=axes.transAxes,
        )
        grid(axes)

    return figure(
        "popularity",
        "Popularity of items",
        f"Events of each item against its place, both on logarithmic axes: the most popular has {ordered[0]:,}, the median "
        f"{np.median(events):,.0f}. The most popular fifth has {percent(fifth, 0)} of all events.",
        draw,
    )


def _times(time: NDArray[np.int64]) -> Figure:
    heights, edges = np.histogram(time, bins=48)

    def draw(axes: "Axes") -> None:
        import matplotlib.dates as dates

        days = edges / 86_400
        axes.bar(days[:-1], heights, width=np.diff(days), align="edge", color=_COLOUR, linewidth=0)
        locator = dates.AutoDateLocator(minticks=3, maxticks=5)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, show_offset=False))
        axes.yaxis.set_major_formatter(_tick_label)
        axes.set_ylabel("events")
        grid(axes)

    last_tenth = np.searchsorted(np.cumsum(heights), 0.9 * heights.sum())
    since = datetime.fromtimestamp(int(edges[last_tenth]), UTC)
    return figure(
        "times",
        "Events over time",
        f"Histogram of the times of events in {len(heights)} equal steps; the last tenth of them happened after {since:%B %Y}.",
        draw,
    )


def _tick_label(value: float, place: object = None) -> str:
    """Return the label of a tick, as 1,000 and not 10^3; fractions get no label."""
    return f"{value:,.0f}" if value >= 1 and float(value).is_integer() else ("0" if value == 0 else "")


def _dropped(report: Mapping[str, Any]) -> HtmlTable | None:
    """Return a table of what the import read, dropped and kept; None if the category has no record of it."""
    read, kept = report.get("read"), report.get("kept")
    if not read or not kept:
        return None
    columns = ("events", "users", "items")
    rows = [cells(["read", *(count(read[name]) for name in columns)])]
    reasons = dict(
        zip(columns, (report.get(key, {}) for key in ("dropped", "dropped_users", "dropped_items")), strict=True)
    )
    for reason in dict.fromkeys(reason for found in reasons.values() for reason in found):
        lost = [reasons[name].get(reason) for name in columns]
        if any(lost):
            rows.append(cells([f"left out: {reason}", *(NONE if value is None else count(value) for value in lost)]))
    rows.append(cells(["kept", *(count(kept[name]) for name in columns)]))
    notes = dict(report.get("notes", {}))
    for name in ("items_without_metadata", "items_without_events"):
        if report.get(name):
            notes[name.replace("_", " ")] = report[name]
    if report.get("ties"):
        notes["events at the same time as another of their user"] = report["ties"]
    note = "; ".join(
        f"{reason}: {count(value) if isinstance(value, int) else value}" for reason, value in notes.items()
    )
    return HtmlTable(
        "What the import read and kept", ("step", *columns), rows, note=f"{note[:1].upper()}{note[1:]}." if note else ""
    )


def _texts(catalog: Catalog) -> HtmlTable | None:
    """Return a table of the text columns: share of items with a text, length, and an example."""
    rows = []
    for name in catalog.text_columns:
        values = catalog.frame[name].cast(pl.String).str.strip_chars().replace("", None).drop_nulls()
        if not len(values):
            rows.append(cells([name, percent(0), NONE, NONE]))
            continue
        words = values.str.split(" ").list.len()
        example = str(values[int(np.argmin(np.abs(words.to_numpy() - np.median(words.to_numpy()))))])
        rows.append(
            cells(
                [
                    name,
                    percent(len(values) / len(catalog)),
                    count(float(np.median(words.to_numpy()))),
                    shortened(example, _SHOWN_TEXT),
                ]
            )
        )
    columns = ("column", "items that have it", "words, median", "one of median length")
    return HtmlTable("Texts that encoders read", columns, rows, frozenset({3})) if rows else None


def _source(record: Mapping[str, Any]) -> str:
    """Return the source of the data in words, with names of files but without their folders."""
    arguments = record.get("arguments", {})
    if not arguments:
        return ""
    files = [Path(path).name for path in record.get("inputs", {})]
    preparation = record.get("preparation", {})
    text = f"Imported from {arguments.get('source', 'a source')}" + (f" ({', '.join(files)})" if files else "")
    if preparation.get("filter", "none") == "none":
        return text + ", without a filter."
    return (
        f"{text}, filter {preparation['filter']}: at least {preparation.get('min_item_events')} events an item and "
        f"{preparation.get('min_user_events')} a user."
    )
