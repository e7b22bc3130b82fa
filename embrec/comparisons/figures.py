"""The figure of a comparison, after [semikin2019] Fig. 11: grouped bars of AUC and HR@50, with intervals and single seeds."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from embrec.comparisons.results import CONFIDENCE, Comparison, Measured
from embrec.comparisons.tables import shown
from embrec.errors import MissingExtraError
from embrec.evaluation.evaluator import EvaluationConfig
from embrec.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito: told apart by people of any colour vision, and by their lightness in print. Repeated with hatching.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_HATCHES = ("", "///", "...", "xxx")

_BAR_INCHES = 0.42
_ROWS_OF_LEGEND_PER_INCH = 4.5


def require_matplotlib() -> None:
    """Raise unless figures can be drawn.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingExtraError("matplotlib", "report", "a figure") from None


def write_figures(comparison: Comparison, folder: Path) -> None:
    """Write `figure.png` and `figure.svg`; equal comparisons give equal files."""
    save_figure(lambda: draw(comparison), folder)


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


def draw(comparison: Comparison) -> "Figure":
    """Return the figure: a panel a metric, in it a group of bars for all, warm and cold items, a bar an encoder."""
    wanted: tuple[str, ...] = tuple(name for name in ("auc", "hr@50") if name in comparison.metric_names)
    if wanted == ("auc",) and "hr@10" in comparison.metric_names:  # a small catalog has no HR@50
        wanted = ("auc", "hr@10")
    names = tuple(wanted or comparison.metric_names[:2])
    encoders = len(comparison.encoders)
    panel = max(4.2, _BAR_INCHES * len(comparison.targets) * (encoders + 1) + 0.9)
    beside = len(names) * panel <= 12
    rows, columns = (1, len(names)) if beside else (len(names), 1)
    in_legend = max(1, min(4 if beside else 3, encoders))
    legend_rows = -(-encoders // in_legend)
    height = 3.3 * rows + 0.5 + legend_rows / _ROWS_OF_LEGEND_PER_INCH
    figure = empty_figure(panel * columns, height)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, (name, ax) in enumerate(zip(names, axes, strict=True)):
        _panel(ax, comparison, name, letter="abcdef"[place])
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=in_legend, frameon=False)
    seeds = "1 seed" if len(comparison.seeds) == 1 else f"mean of {len(comparison.seeds)} seeds (dots: each)"
    split = comparison.description["config"]["split"]["kind"]
    protocol = EvaluationConfig.model_validate(comparison.description["config"]["evaluation"]).words()
    figure.suptitle(
        f"{comparison.category}, {split}, test targets {protocol},\n{seeds}, {CONFIDENCE:.0%} intervals",
        fontsize=9.5,
    )
    return figure


def _panel(ax: "Axes", comparison: Comparison, name: str, letter: str) -> None:
    percent = name != "auc"
    scale = 100 if percent else 1
    width = 1 / (len(comparison.encoders) + 0.8)
    labels = list(comparison.targets)
    for place, result in enumerate(comparison.encoders):
        values = [result.metrics[label][name] for label in labels]
        at = [group + (place - (len(comparison.encoders) - 1) / 2) * width for group in range(len(labels))]
        ax.bar(
            at,
            [value.estimate.mean * scale for value in values],
            width=width * 0.92,
            color=COLOURS[place % len(COLOURS)],
            hatch=_HATCHES[place // len(COLOURS) % len(_HATCHES)],
            edgecolor="white",
            linewidth=0.5,
            label=shown(result.encoder),
        )
        for x, value in zip(at, values, strict=True):
            _bar(ax, x, value, scale, width, f"{value.estimate.mean * scale:.{1 if percent else 2}f}")
    _, top = _extent(comparison, name)
    bottom = _bottom(comparison, name)
    ax.set_ylim(bottom * scale, (bottom + (top - bottom) * 1.12) * scale)
    ax.set_xticks(range(len(labels)), [f"{_group(label)}\n{comparison.targets[label]:,} targets" for label in labels])
    ax.tick_params(axis="x", length=0)
    ax.margins(x=0.02)
    ax.set_title(
        f"({letter}) {name.upper()}{', %' if percent else ', from 0.5 (chance)' if bottom else ''}", fontsize=9.5
    )
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)


def _bar(ax: "Axes", x: float, value: Measured, scale: float, width: float, text: str) -> None:
    """Draw what stands on a bar: its interval, its seeds and its value."""
    one = value.estimate
    lower, upper = max(0, one.mean - one.low) * scale, max(0, one.high - one.mean) * scale
    ax.errorbar(x, one.mean * scale, [[lower], [upper]], color="0.15", linewidth=1, capsize=2.2)
    if len(value.seeds) > 1:
        ax.plot(
            [x - width * 0.27] * len(value.seeds),
            [seed * scale for seed in value.seeds],
            ".",
            color="0.15",
            markersize=2.6,
        )
    highest = max(one.high, *value.seeds) * scale
    ax.annotate(text, (x, highest), xytext=(0, 2), textcoords="offset points", ha="center", va="bottom", fontsize=7.5)


def _extent(comparison: Comparison, name: str) -> tuple[float, float]:
    values = [result.metrics[label][name] for result in comparison.encoders for label in comparison.targets]
    ends = [end for value in values for end in (value.estimate.low, value.estimate.high, *value.seeds)]
    return min(ends), max(ends)


def _bottom(comparison: Comparison, name: str) -> float:
    """Begin an axis of AUC at chance where nothing lies below it, every other one at 0."""
    return 0.5 if name == "auc" and _extent(comparison, name)[0] >= 0.5 else 0.0


def _group(label: str) -> str:
    return "all items" if label == "all" else label
