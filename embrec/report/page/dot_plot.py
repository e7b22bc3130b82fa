"""Dot plots with intervals: a row for each slice, with a dot for each model."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from embrec.evaluation.statistics import Estimate
from embrec.report.page.drawing import INK, LINES, figure, grid
from embrec.report.page.html_parts import Figure
from embrec.report.page.models import Model

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW, _MODEL, _EDGES = 16, 11, 52  # pixels of a row, of a model in it, and of the axis below


def dot_plot(
    name: str,
    title: str,
    rows: Sequence[str],
    values: Mapping[str, Sequence[Estimate | None]],
    models: Mapping[str, Model],
    metric: str,
) -> Figure:
    """Draw the estimates of several models in several rows.

    Args:
        name: name of the figure, unique on the page.
        title: title of the panel.
        rows: labels of the rows, from the top.
        values: model -> its estimate in each row, None for no estimate.
        models: name, colour and marker of each model.
        metric: label of the axis.
    """
    height = _EDGES + len(rows) * (_ROW + _MODEL * len(values))

    def draw(axes: "Axes") -> None:
        for place, key in enumerate(values):
            model = models[key]
            shift = (place - (len(values) - 1) / 2) * _MODEL / (_ROW + _MODEL * len(values))
            for row, value in enumerate(values[key]):
                if value is None:
                    continue
                axes.plot([value.low, value.high], [row + shift] * 2, color=model.colour, linewidth=1.2)
                axes.plot(value.mean, row + shift, model.marker, color=model.colour, markersize=6)
        for row in range(1, len(rows)):
            axes.axhline(row - 0.5, color=LINES, linewidth=0.8)
        axes.set_yticks(range(len(rows)), rows)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        left, right = axes.get_xlim()
        axes.set_xlim(-0.03 * right if left < 0.25 * right else left, right)  # room for a whole marker at 0
        axes.locator_params(axis="x", nbins=5)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(metric)
        grid(axes, "x")

    return figure(name, title, _said(title, rows, values, models, metric), draw, height=height)


def _said(
    title: str,
    rows: Sequence[str],
    values: Mapping[str, Sequence[Estimate | None]],
    models: Mapping[str, Model],
    metric: str,
) -> str:
    lines = []
    for place, row in enumerate(rows):
        found = [(key, estimates[place]) for key, estimates in values.items()]
        numbers = ", ".join(
            f"{models[key].name} {one.mean:.4f} ({one.low:.4f} to {one.high:.4f})"
            for key, one in found
            if one is not None
        )
        lines.append(f"{' '.join(row.split())}: {numbers or 'no targets'}")
    return f"{metric} with intervals, {title}. {'; '.join(lines)}."
