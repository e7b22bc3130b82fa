"""Training curves: how loss and validation metrics went, epoch by epoch, all runs in one figure each."""

from typing import TYPE_CHECKING

from embrec.report.page.context import PageContext, Run
from embrec.report.page.drawing import figure, grid
from embrec.report.page.html_parts import NONE, Cell, Figure, HtmlTable, Panels, Section, shown_metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_VALID = "valid "


def curves_section(material: PageContext) -> Section:
    """Return the section.

    Runs whose log is gone are named, and have no curve; those that validated nothing have only that of the loss.
    """
    runs = [run for run in material.runs if run.epochs]
    losses = {run.config.training.loss.name for run in runs}
    validated = [run for run in runs if run.config.training.validates]
    curves = [_curve(material, runs, "loss")] if runs else []
    curves += [_curve(material, validated, name) for name in _validated(validated, material)]
    caption = "Loss and validation metrics after each epoch; the ring is the epoch whose weights were kept."
    if len(losses) > 1:
        caption += " The runs have different losses, whose heights cannot be compared."
    if final := [run.name for run in material.runs if not run.config.training.validates]:
        caption += f" {', '.join(final)} learned from the validation events too, so that nothing was validated."
    return Section(
        "training",
        "Training",
        "training.html.j2",
        {
            "panels": Panels(caption, curves, [run.name for run in runs]),
            "table": _table(material),
            "missing": [run.name for run in material.runs if not run.epochs],
        },
    )


def _validated(runs: list[Run], material: PageContext) -> list[str]:
    """Return the metrics that all these runs validated, those first by which they were selected, two at most."""
    if not runs:
        return []
    chosen = [run.config.training.select_by for run in runs]
    common = [
        name
        for name in dict.fromkeys((*chosen, material.main_metric, *material.config.metrics))
        if all(any(_VALID + name in epoch for epoch in run.epochs) for run in runs)
    ]
    return [_VALID + name for name in common[:2]]


def _curve(material: PageContext, runs: list[Run], name: str) -> Figure:
    title = "Training loss" if name == "loss" else f"Validation {shown_metric(name.removeprefix(_VALID))}"
    ends = []

    def draw(axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        for run in runs:
            model, best = material.models[run.name], run.metrics["best epoch"]
            points = [(epoch["epoch"], epoch[name]) for epoch in run.epochs if epoch.get(name) is not None]
            alone = len(points) == 1
            axes.plot(*zip(*points, strict=True), color=model.colour, linewidth=1.8, marker=model.marker,
                      markersize=5 if alone else 3)  # fmt: skip
            at_best = [point for point in points if point[0] == best]
            axes.plot([at for at, _ in at_best], [value for _, value in at_best], "o", markersize=10,
                      markerfacecolor="none", markeredgecolor=model.colour, markeredgewidth=1.6)  # fmt: skip
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


def _table(material: PageContext) -> HtmlTable:
    rows = []
    for run in material.runs:
        training, metrics = run.config.training, run.metrics
        value = metrics.get("valid", {}).get(training.select_by)
        if not training.validates:
            how = "as many as were asked for"
        else:
            how = "stopped early" if metrics["epochs"] < training.epochs else "all that were allowed"
        rows.append((
            Cell(run.name, key=run.name),
            Cell(training.loss.name),
            Cell(str(metrics["best epoch"])),
            Cell(str(metrics["epochs"]), how),
            Cell(shown_metric(training.select_by) if training.validates else "nothing: the last epoch"),
            Cell(NONE if value is None else f"{value:.4f}"),
            Cell(str(training.seed)),
        ))  # fmt: skip
    columns = ("run", "loss", "best epoch", "epochs", "chosen by", "its validation value", "seed")
    return HtmlTable("Which epoch was kept", columns, rows, frozenset({1, 4}))
