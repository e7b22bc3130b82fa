"""Figures of a search: best value so far, learning curves of the trials, and importance of settings."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from embrec.report.page.drawing import INK, figure, grid
from embrec.report.page.html_parts import Figure, shown_metric
from embrec.report.page.models import COLOURS, GREYS
from embrec.report.page.parallel import wrapped
from embrec.tuning.config import SearchConfig
from embrec.tuning.importance import Importance
from embrec.tuning.records import Status, Trial, best_trial
from embrec.tuning.summary import best_so_far, short_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours with a contrast of 3 : 1 on the page; style.css has the same ones for the legend.
BEST, FINISHED, STOPPED, FAILED = COLOURS[0], "#4d8ab8", "#7f8791", "#a03a00"
LEGEND: dict[Status, tuple[str, str]] = {
    "finished": ("trained to the end", "line-finished"),
    "stopped": ("stopped early", "line-stopped"),
    "failed": ("failed", "line-failed"),
}
LEGEND_OF_BEST = ("best so far, and the best trial", "line-best")
_ROW, _EDGES = 30, 56  # pixels of a setting, and of the axis below
_LETTERS = 16


def best_so_far_figure(trials: Mapping[int, Trial], config: SearchConfig) -> Figure:
    """Draw the value of every trial, and the best value so far."""
    steps = best_so_far(trials, config)
    metric = shown_metric(config.objective)
    known = [step for step in steps if step.best is not None]
    failed = [step.number for step in steps if step.status == "failed"]

    def draw(axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        axes.plot(
            [step.number for step in known],
            [float(step.best or 0) for step in known],
            color=BEST,
            linewidth=2.2,
            drawstyle="steps-post",
            zorder=3,
        )
        for step in steps:
            if step.value is not None:
                whole = step.status == "finished"
                axes.plot(
                    step.number,
                    step.value,
                    "o",
                    markersize=4.5,
                    zorder=2,
                    color=FINISHED if whole else STOPPED,
                    markerfacecolor=FINISHED if whole else "none",
                )
        axes.plot(
            failed,
            [0.03] * len(failed),
            "x",
            color=FAILED,
            markersize=6,
            markeredgewidth=1.6,
            transform=axes.get_xaxis_transform(),
        )
        axes.set_xlim(0.3, max(trials, default=1) + 0.7)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.margins(y=0.1)
        axes.set_xlabel("trial")
        grid(axes)

    said = [f"The value of {len(trials)} trials in their order."]
    if known:
        first, last = known[0], known[-1]
        found = next(step.number for step in known if step.best == last.best)
        said.append(
            f"The best so far goes from {first.best:.4f} (trial {first.number}) to {last.best:.4f} (trial {found})."
        )
    if failed:
        said.append(f"Failed: {', '.join(map(str, failed))}.")
    return figure("search-progress", f"Best {metric} so far", " ".join(said), draw)


def learning_figure(trials: Mapping[int, Trial], config: SearchConfig) -> Figure:
    """Draw the objective of every trial over its epochs."""
    winner = best_trial(trials, config.objective, config.sign)
    metric = shown_metric(config.objective)
    order = {"stopped": 0, "begun": 0, "finished": 1, "failed": 2}
    shown = sorted(trials.values(), key=lambda trial: (trial is winner, order[trial.status], trial.number))

    def draw(axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        for trial in shown:
            values = trial.values(config.objective)
            if not values:
                continue
            whole = trial.status == "finished"
            colour = BEST if trial is winner else FAILED if trial.status == "failed" else FINISHED if whole else STOPPED
            axes.plot(*zip(*values, strict=True), color=colour, linewidth=2.6 if trial is winner else 0.9)
            if not whole or len(values) == 1:
                axes.plot(
                    *values[-1],
                    "x" if trial.status == "failed" else "o",
                    color=colour,
                    markersize=5 if trial.status == "failed" else 2.8,
                )
        axes.set_xlim(0.7, config.epochs + 0.3)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.margins(y=0.08)
        axes.set_xlabel("epoch")
        grid(axes)

    early = sum(trial.status == "stopped" for trial in trials.values())
    said = f"Validation {metric} of {len(trials)} trials over their epochs; {early} end early, where they were stopped."
    if winner is not None:
        values = winner.values(config.objective)
        said += f" Trial {winner.number}, the best, goes from {values[0][1]:.4f} to {values[-1][1]:.4f}."
    return figure("search-curves", f"Validation {metric} of every trial", said, draw)


def importance_figure(importance: Importance, config: SearchConfig) -> Figure:
    """Draw the importance of each setting, with the range over forests of several seeds."""
    labels = short_labels(config.space)
    shares = importance.shares
    names = [wrapped(labels[share.key], _LETTERS) for share in shares]
    title = "Importance of settings" + ("" if importance.is_meaningful else " (noise)")

    def draw(axes: "Axes") -> None:
        means = [share.mean * 100 for share in shares]
        axes.barh(range(len(shares)), means, height=0.55, color=GREYS[0] if importance.is_meaningful else STOPPED)
        for row, share in enumerate(shares):
            axes.plot([share.low * 100, share.high * 100], [row, row], color=INK, linewidth=1.4)
        axes.set_yticks(range(len(shares)), names)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(shares) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel("share of what settings explain, %")
        grid(axes, "x")

    said = "; ".join(f"{labels[share.key]} {share.mean:.0%} ({share.low:.0%} to {share.high:.0%})" for share in shares)
    return figure("search-importance", title, f"{title}: {said}.", draw, height=_EDGES + _ROW * len(shares))
