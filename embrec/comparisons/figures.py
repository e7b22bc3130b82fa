"""Figures of comparisons: bars and lines of metrics with intervals and single seeds, and what all figures share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from embrec.comparisons.measurements import CONFIDENCE, Measured
from embrec.comparisons.results import Comparison, Row
from embrec.comparisons.tables import shown
from embrec.errors import MissingExtraError
from embrec.files import atomic_path, check_output_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito: told apart by people of any colour vision, and by their lightness in print. Repeated with hatching.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_HATCHES = ("", "///", "...", "xxx")
LETTERS = "abcdefghijklmnop"  # of the panels of a figure

_BAR_INCHES = 0.42
_ROWS_OF_LEGEND_PER_INCH = 4.5
_PUBLISHED = "published negatives"


def require_matplotlib() -> None:
    """Raise unless figures can be drawn.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingExtraError("matplotlib", "report", "a figure") from None


def check_drawable(output: Path | None) -> None:
    """Raise unless figures can be drawn and written; called before any work.

    Args:
        output: requested folder; None for the default.

    Raises:
        ConfigError: the output is no folder.
        MissingExtraError: matplotlib is not installed.
    """
    require_matplotlib()
    if output is not None:
        check_output_folder(output)


def save_figure(drawing: Callable[[], "Figure"], folder: Path, name: str = "figure") -> None:
    """Write `NAME.png` and `NAME.svg` of a drawing, with the same fonts and without the time."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "embrec", "font.size": 9, "hatch.linewidth": 0.6}):
        figure = drawing()
        for form, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
            with atomic_path(folder / f"{name}.{form}") as temporary:
                figure.savefig(temporary, format=form, dpi=160, metadata=metadata)


def empty_figure(width: float, height: float) -> "Figure":
    """Return a figure of a size in inches that is drawn without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def finish(ax: "Axes", place: int, title: str) -> None:
    """Set the letter, title and common style of a panel.

    Args:
        ax: the panel.
        place: its place in the figure, from 0.
        title: title without the letter.
    """
    ax.set_title(f"({LETTERS[place % len(LETTERS)]}) {title}", fontsize=9.5)
    style(ax)


def style(ax: "Axes") -> None:
    """Set the common style of a panel: a frame at the left and below alone, and light lines behind what is drawn."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)


def draw(comparison: Comparison) -> "Figure":
    """Return the figure of a comparison: one panel per metric.

    By the subject's `figure`, a panel has a group of bars for each slice of the targets, after [semikin2019] Fig. 11; a bar for
    each loss (Fig. 12); or a line for each loss over the numbers of its negatives (Fig. 13).
    """
    return _draw_slices(comparison) if comparison.subject.figure == "slices" else _draw_losses(comparison)


def _draw_slices(comparison: Comparison) -> "Figure":
    names: tuple[str, ...] = tuple(
        name for name in comparison.subject.figure_metrics if name in comparison.metric_names
    )
    if names == ("auc",) and "hr@10" in comparison.metric_names:  # a small catalog has no HR@50
        names = ("auc", "hr@10")
    names = names or comparison.metric_names[:2]
    bars = len(comparison.rows)
    panel = max(4.2, _BAR_INCHES * len(comparison.targets) * (bars + 1) + 0.9)
    beside = len(names) * panel <= 12
    rows, columns = (1, len(names)) if beside else (len(names), 1)
    in_legend = max(1, min(4 if beside else 3, bars))
    legend_rows = -(-bars // in_legend)
    figure = empty_figure(panel * columns, 3.3 * rows + 0.5 + legend_rows / _ROWS_OF_LEGEND_PER_INCH)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, (name, ax) in enumerate(zip(names, axes, strict=True)):
        bottom = _slice_bars(ax, comparison, name)
        chance = ", from 0.5 (chance)" if bottom else ""
        finish(ax, place, f"{name.upper()}{', %' if name != 'auc' else chance}")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=in_legend, frameon=False)
    count = len(comparison.seeds)
    seeds = "1 seed" if count == 1 else f"mean of {count} seeds (dots: each)"
    figure.suptitle(f"{_protocol(comparison)},\n{seeds}, {CONFIDENCE:.0%} intervals", fontsize=9.5)
    return figure


def _draw_losses(comparison: Comparison) -> "Figure":
    names = comparison.metric_names
    bars = comparison.subject.figure == "losses"
    width = max(3.6, 0.55 * len(comparison.rows) + 1.4) if bars else max(4.4, 0.62 * len(_counts(comparison)) + 1.6)
    figure = empty_figure(width * len(names), 3.9)
    axes = figure.subplots(1, len(names), squeeze=False).ravel()
    for place, (name, ax) in enumerate(zip(names, axes, strict=True)):
        (_loss_bars if bars else _count_lines)(ax, comparison, name)
        finish(ax, place, f"{name.upper()}{', %' if name != 'auc' else ''}")
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(handles)), frameon=False)
    count = len(comparison.seeds)
    seeds = "1 seed" if count == 1 else f"mean of {count} seeds (dots: each), {CONFIDENCE:.0%} intervals over seeds"
    figure.suptitle(f"{_protocol(comparison)}\n{seeds}", fontsize=9.5)
    return figure


def _slice_bars(ax: "Axes", comparison: Comparison, name: str) -> float:
    """Draw a group of bars for each slice, one bar per row; return where the axis begins."""
    scale, rows, targets = _scale(name), comparison.rows, comparison.targets
    width = 1 / (len(rows) + 0.8)
    for place, row in enumerate(rows):
        values = [row.metrics[label][name] for label in targets]
        at = [group + (place - (len(rows) - 1) / 2) * width for group in range(len(values))]
        ax.bar(
            at,
            [value.estimate.mean * scale for value in values],
            width=width * 0.92,
            color=COLOURS[place % len(COLOURS)],
            hatch=_HATCHES[place // len(COLOURS) % len(_HATCHES)],
            edgecolor="white",
            linewidth=0.5,
            label=shown(row.name),
        )
        for x, value in zip(at, values, strict=True):
            one = value.estimate
            _spread(ax, x, value, (one.low, one.high), scale, width)
            _number(ax, x, max(one.high, *value.seeds) * scale, f"{one.mean * scale:.{1 if name != 'auc' else 2}f}")
    values = [row.metrics[label][name] for row in rows for label in targets]
    ends = [end for value in values for end in (value.estimate.low, value.estimate.high, *value.seeds)]
    bottom = _bottom(name, ends)
    ax.set_ylim(bottom * scale, (bottom + (max(ends) - bottom) * 1.12) * scale)
    groups = ["all items" if label == "all" else label for label in targets]
    sizes = [f"{group}\n{size:,} targets" for group, size in zip(groups, targets.values(), strict=True)]
    ax.set_xticks(range(len(sizes)), sizes)
    ax.tick_params(axis="x", length=0)
    ax.margins(x=0.02)
    return bottom


def _loss_bars(ax: "Axes", comparison: Comparison, name: str) -> None:
    """Draw a group for each loss, with a bar for each protocol."""
    losses = list(dict.fromkeys(row.labels["loss"] for row in comparison.rows))
    both, scale = "protocol" in comparison.columns, _scale(name)
    width = 0.4 if both else 0.7
    ends = []
    for row in comparison.rows:
        value, published = row.metrics["all"][name], _is_published(row)
        place = losses.index(row.labels["loss"])
        x = float(place)
        if both and row.labels["negatives"] != "none":
            x += width / 2 if published else -width / 2
        mean, interval = value.estimate.mean, value.over_seeds()
        ax.bar(
            x,
            mean * scale,
            width=width * 0.92,
            color=COLOURS[place % len(COLOURS)],
            hatch="///" if published else "",
            edgecolor="white",
            linewidth=0.5,
        )
        _spread(ax, x, value, interval, scale, width)
        _number(
            ax,
            x,
            max(mean, *value.seeds, (interval or (0, 0))[1]) * scale,
            f"{mean * scale:.{1 if name != 'auc' else 3}f}",
        )
        ends += [mean, *value.seeds, (interval or (1.0, 1.0))[0]]
    if both:
        ax.bar(0, 0, color="0.6", label="own items left out")
        ax.bar(0, 0, color="0.6", hatch="///", edgecolor="white", label=_PUBLISHED)
    ax.set_xticks(range(len(losses)), losses)
    ax.tick_params(axis="x", length=0)
    bottom = _bottom(name, ends)
    ax.set_ylim(bottom, bottom + (ax.get_ylim()[1] - bottom) * 1.06)


def _count_lines(ax: "Axes", comparison: Comparison, name: str) -> None:
    """Draw a line for each loss and protocol, from few negatives to all."""
    counts, scale = _counts(comparison), _scale(name)
    losses = list(dict.fromkeys(row.labels["loss"] for row in comparison.rows))
    for number, loss in enumerate(losses):
        for published in (False, True):
            rows = [row for row in comparison.rows if (row.labels["loss"], _is_published(row)) == (loss, published)]
            rows.sort(key=lambda row: counts.index(row.labels["negatives"]))
            if not rows:
                continue
            colour = COLOURS[number % len(COLOURS)]
            shift = (number - (len(losses) - 1) / 2) * 0.08 + (0.04 if published else 0)
            places = [counts.index(row.labels["negatives"]) + shift for row in rows]
            ax.plot(
                places,
                [row.metrics["all"][name].estimate.mean * scale for row in rows],
                color=colour,
                linewidth=1.4,
                linestyle="--" if published else "-",
                marker=MARKERS[number % len(MARKERS)],
                markersize=4.5,
                markerfacecolor="white" if published else colour,
                label=f"{loss}, {_PUBLISHED}" if published else loss,
            )
            for place, row in zip(places, rows, strict=True):
                value = row.metrics["all"][name]
                _spread(ax, place, value, value.over_seeds(), scale, 0.12, colour)
    labels = [f"{int(count):,}" if count.isdecimal() else count for count in counts]
    ax.set_xticks(range(len(counts)), labels, rotation=30 if len(counts) > 5 else 0)
    ax.set_xlabel("negatives at each step")
    ax.margins(x=0.04)


def _spread(
    ax: "Axes",
    x: float,
    value: Measured,
    interval: tuple[float, float] | None,
    scale: float,
    width: float,
    colour: str = "0.15",
) -> None:
    """Draw an interval, and each seed of several."""
    mean = value.estimate.mean
    if interval is not None:
        below, above = max(0, mean - interval[0]) * scale, max(0, interval[1] - mean) * scale
        ax.errorbar(x, mean * scale, [[below], [above]], color=colour, linewidth=1, capsize=2.2)
    if len(value.seeds) > 1:
        seeds = [seed * scale for seed in value.seeds]
        ax.plot([x - width * 0.27] * len(seeds), seeds, ".", color=colour, markersize=2.6)


def _number(ax: "Axes", x: float, top: float, text: str) -> None:
    """Write a value above its bar."""
    ax.annotate(text, (x, top), xytext=(0, 2), textcoords="offset points", ha="center", va="bottom", fontsize=7.5)


def _protocol(comparison: Comparison) -> str:
    return f"{comparison.category}, {comparison.split.kind}, test targets {comparison.protocol.words()}"


def _is_published(row: Row) -> bool:
    return row.labels["protocol"] == "published"


def _counts(comparison: Comparison) -> list[str]:
    """Return the numbers of negatives from the lowest, all of them last."""
    counts = {row.labels["negatives"] for row in comparison.rows}
    return sorted(counts, key=lambda count: float("inf") if count == "all" else float(count))


def _scale(name: str) -> float:
    return 1 if name == "auc" else 100


def _bottom(name: str, values: Sequence[float]) -> float:
    """Return where an axis begins: at chance for AUC where no value lies below it, else at 0."""
    return 0.5 if name == "auc" and min(values) >= 0.5 else 0.0
