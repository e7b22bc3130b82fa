"""The section on training: curves of the loss and of validation metrics over epochs, all runs in one figure each."""

from typing import TYPE_CHECKING

from embrec.report.page.context import PageContext, Run
from embrec.report.page.drawing import figure, grid
from embrec.report.page.html_parts import NONE, Cell, Figure, HtmlTable, Panels, Section, shown_metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_VALID = "valid "


def curves_section(context: PageContext) -> Section:
    """Return the section.

    Runs without a log of epochs are listed by name; runs without validation only have a curve of the loss.
    """
    runs = [run for run in context.runs if run.epochs]
    losses = {run.config.training.loss.name for run in runs}
    validated = [run for run in runs if run.config.training.validates]
    curves = [_curve(context, runs, "loss")] if runs else []
    curves += [_curve(context, validated, name) for name in _validated(validated, context)]
    caption = "Loss and validation metrics after each epoch; the ring marks the epoch whose weights were kept."
    if len(losses) > 1:
        caption += " The runs have different losses, whose values cannot be compared."
    if final := [run.name for run in context.runs if not run.config.training.validates]:
        caption += f" {', '.join(final)} learned from the validation events too, so that nothing was validated."
    return Section(
        "training",
        "Training",
        "training.html.j2",
        {
            "panels": Panels(caption, curves, [run.name for run in runs]),
            "table": _table(context),
            "missing": [run.name for run in context.runs if not run.epochs],
        },
    )


def _validated(runs: list[Run], context: PageContext) -> list[str]:
    """Return at most two validation metrics that all these runs have, those that selected the epoch first."""
    if not runs:
        return []
    chosen = [run.config.training.select_by for run in runs]
    common = [
        name
        for name in dict.fromkeys((*chosen, context.main_metric, *context.config.metrics))
        if all(any(_VALID + name in epoch for epoch in run.epochs) for run in runs)
    ]
    return [_VALID + name for name in common[:2]]


def _curve(context: PageContext, runs: list[Run], name: str) -> Figure:
    title = "Training loss" if name == "loss" else f"Validation {shown_metric(name.removeprefix(_VALID))}"
    ends = []

    def draw(axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        for run in runs:
            model, best = context.models[run.name], run.metrics["best epoch"]
            points = [(epoch["epoch"], epoch[name]) for epoch in run.epochs if epoch.get(name) is not None]
            alone = len(points) == 1
            axes.plot(
                *zip(*points, strict=True),
                color=model.colour,
                linewidth=1.8,
                marker=model.marker,
                markersize=5 if alone else 3,
            )
            at_best = [point for point in points if point[0] == best]
            axes.plot(
                [at for at, _ in at_best],
                [value for _, value in at_best],
                "o",
                markersize=10,
                markerfacecolor="none",
                markeredgecolor=model.colour,
                markeredgewidth=1.6,
            )
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.margins(x=0.05, y=0.08)
        axes.set_xlabel("epoch")
        grid(axes)

    for run in runs:
        values = [epoch[name] for epoch in run.epochs if epoch.get(name) is not None]
        ends.append(
            f"{run.name}: from {values[0]:.4f} to {values[-1]:.4f} in {len(run.epochs)} epochs, "
            f"best epoch {run.metrics['best epoch']}"
        )
    key = name.replace("@", "-").replace(" ", "-")
    return figure(f"curve-{key}", title, f"{title} over epochs. {'; '.join(ends)}.", draw)


def _table(context: PageContext) -> HtmlTable:
    rows = []
    for run in context.runs:
        training, metrics = run.config.training, run.metrics
        value = metrics.get("valid", {}).get(training.select_by)
        if not training.validates:
            how = "as many as were asked for"
        else:
            how = "stopped early" if metrics["epochs"] < training.epochs else "all that were allowed"
        rows.append(
            (
                Cell(run.name, key=run.name),
                Cell(training.loss.name),
                Cell(str(metrics["best epoch"])),
                Cell(str(metrics["epochs"]), how),
                Cell(shown_metric(training.select_by) if training.validates else "nothing: the last epoch"),
                Cell(NONE if value is None else f"{value:.4f}"),
                Cell(str(training.seed)),
            )
        )
    columns = ("run", "loss", "best epoch", "epochs", "chosen by", "its validation value", "seed")
    return HtmlTable("Which epoch was kept", columns, rows, frozenset({1, 4}))
