"""The figures of losses (bars) and of negatives (lines), after [semikin2019] Fig. 12 and 13."""

from typing import TYPE_CHECKING

from embrec.comparisons.figures import COLOURS, MARKERS, empty_figure
from embrec.comparisons.objective_results import ObjectiveComparison, Row, over_seeds
from embrec.comparisons.results import CONFIDENCE, Measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PUBLISHED = "published negatives"


def draw_objectives(comparison: ObjectiveComparison) -> "Figure":
    """Return the figure: a panel a metric, in it a bar a loss, or a line a loss over the numbers of its negatives."""
    names = comparison.metric_names
    if comparison.subject == "losses":
        width = max(3.6, 0.55 * len(comparison.rows) + 1.4)
    else:
        width = max(4.4, 0.62 * len(_counts(comparison)) + 1.6)
    figure = empty_figure(width * len(names), 3.9)
    axes = figure.subplots(1, len(names), squeeze=False).ravel()
    for place, (name, ax) in enumerate(zip(names, axes, strict=True)):
        (_bars if comparison.subject == "losses" else _lines)(ax, comparison, name)
        percent = name != "auc"
        ax.set_title(f"({'abcdef'[place % 6]}) {name.upper()}{', %' if percent else ''}", fontsize=9.5)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color="0.9", linewidth=0.6)
        ax.set_axisbelow(True)
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(handles)), frameon=False)
    count = len(comparison.seeds)
    seeds = "1 seed" if count == 1 else f"mean of {count} seeds (dots: each), {CONFIDENCE:.0%} intervals over seeds"
    config = comparison.rows[0].config
    figure.suptitle(
        f"{comparison.category}, {config.split.kind}, test targets {config.evaluation.words()}\n{seeds}",
        fontsize=9.5,
    )
    return figure


def _bars(ax: "Axes", comparison: ObjectiveComparison, name: str) -> None:
    """A group a loss, with a bar for each protocol."""
    losses = list(dict.fromkeys(row.footing.loss for row in comparison.rows))
    both = comparison.both_protocols
    width = 0.4 if both else 0.7
    for row in comparison.rows:
        value, scale = row.metrics["all"][name], _scale(name)
        x = float(losses.index(row.footing.loss))
        if both and row.negatives != "none":
            x += width / 2 if row.footing.published else -width / 2
        ax.bar(
            x, value.estimate.mean * scale, width=width * 0.92, color=COLOURS[losses.index(row.footing.loss) % len(COLOURS)],
            hatch="///" if row.footing.published else "", edgecolor="white", linewidth=0.5,
        )  # fmt: skip
        _spread(ax, x, value, scale, width)
        top = max(value.estimate.mean, *value.seeds, (over_seeds(value) or (0, 0))[1]) * scale
        text = f"{value.estimate.mean * scale:.{1 if name != 'auc' else 3}f}"
        ax.annotate(text, (x, top), xytext=(0, 2), textcoords="offset points", ha="center", va="bottom", fontsize=7.5)
    if both:
        ax.bar(0, 0, color="0.6", label="own items left out")
        ax.bar(0, 0, color="0.6", hatch="///", edgecolor="white", label=_PUBLISHED)
    ax.set_xticks(range(len(losses)), losses)
    ax.tick_params(axis="x", length=0)
    bottom = _bottom(comparison, name)
    ax.set_ylim(bottom, bottom + (ax.get_ylim()[1] - bottom) * 1.06)


def _lines(ax: "Axes", comparison: ObjectiveComparison, name: str) -> None:
    """A line for each loss and protocol, from few negatives to all."""
    counts, scale = _counts(comparison), _scale(name)
    losses = list(dict.fromkeys(row.footing.loss for row in comparison.rows))
    for number, loss in enumerate(losses):
        for published in (False, True):
            rows = [row for row in comparison.rows if (row.footing.loss, row.footing.published) == (loss, published)]
            rows.sort(key=lambda row: counts.index(row.negatives))
            if not rows:
                continue
            colour = COLOURS[number % len(COLOURS)]
            shift = (number - (len(losses) - 1) / 2) * 0.08 + (0.04 if published else 0)
            places = [counts.index(row.negatives) + shift for row in rows]
            ax.plot(
                places, [row.metrics["all"][name].estimate.mean * scale for row in rows], color=colour, linewidth=1.4,
                linestyle="--" if published else "-", marker=MARKERS[number % len(MARKERS)], markersize=4.5,
                markerfacecolor="white" if published else colour, label=f"{loss}, {_PUBLISHED}" if published else loss,
            )  # fmt: skip
            for place, row in zip(places, rows, strict=True):
                _spread(ax, place, row.metrics["all"][name], scale, 0.12, colour)
    ax.set_xticks(range(len(counts)), counts, rotation=30 if len(counts) > 5 else 0)
    ax.set_xlabel("negatives at each step")
    ax.margins(x=0.04)


def _spread(ax: "Axes", x: float, value: Measured, scale: float, width: float, colour: str = "0.15") -> None:
    """Draw the interval over seeds, and each seed."""
    ends = over_seeds(value)
    if ends is None:
        return
    mean = value.estimate.mean
    ax.errorbar(x, mean * scale, [[(mean - ends[0]) * scale], [(ends[1] - mean) * scale]], color=colour, linewidth=1,
                capsize=2.2)  # fmt: skip
    ax.plot(
        [x - width * 0.27] * len(value.seeds), [seed * scale for seed in value.seeds], ".", color=colour, markersize=2.6
    )


def _counts(comparison: ObjectiveComparison) -> list[str]:
    """Return the numbers of negatives from the lowest, all of them last."""
    counts = {row.negatives for row in comparison.rows}
    return sorted(counts, key=lambda count: float("inf") if count == "all" else float(count.replace(",", "")))


def _scale(name: str) -> float:
    return 1 if name == "auc" else 100


def _bottom(comparison: ObjectiveComparison, name: str) -> float:
    """Begin an axis of AUC at chance where nothing lies below it, every other one at 0."""
    return 0.5 if name == "auc" and all(_low(row, name) >= 0.5 for row in comparison.rows) else 0.0


def _low(row: Row, name: str) -> float:
    value = row.metrics["all"][name]
    return min(value.estimate.mean, *value.seeds, (over_seeds(value) or (1.0, 1.0))[0])
