"""The figure of silhouettes, after [semikin2019] Table 4: a group of bars for each feature table, a bar for each level."""

from typing import TYPE_CHECKING

from embrec.comparisons.figures import COLOURS, empty_figure, style
from embrec.comparisons.measurements import CONFIDENCE
from embrec.report.analyses.files import entitle
from embrec.report.analyses.silhouettes.measure import Silhouettes, level_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(found: Silhouettes) -> "Figure":
    """Return the figure."""
    tables, levels = found.tables, found.levels
    figure = empty_figure(max(7.0, 0.9 + len(tables) * max(1.3, 0.5 * len(levels) + 0.3)), 3.9)
    ax = figure.subplots()
    width = 1 / (len(levels) + 0.6)
    for place, level in enumerate(levels):
        shift = (place - (len(levels) - 1) / 2) * width
        values = [(row + shift, one) for row, one in enumerate(found.at(level)) if one.mean is not None]
        categories = ", ".join(f"{count:,}" for count in sorted({one.clusters for _, one in values}))
        for at, one in values:
            mean, low, high = one.mean or 0.0, one.low or 0.0, one.high or 0.0
            ax.errorbar(at, mean, [[mean - low], [high - mean]], color="0.15", linewidth=1, capsize=2.2, zorder=3)
            ax.annotate(
                f"{mean:+.2f}",
                (at, high if mean >= 0 else low),
                xytext=(0, 3 if mean >= 0 else -3),
                textcoords="offset points",
                ha="center",
                va="bottom" if mean >= 0 else "top",
                fontsize=7.5,
            )
        ax.bar(
            [at for at, _ in values],
            [one.mean or 0.0 for _, one in values],
            width=width * 0.92,
            color=COLOURS[place % len(COLOURS)],
            edgecolor="white",
            linewidth=0.5,
            label=f"{level_words(level)}: {categories or 'no two'} categories",
        )
    ax.axhline(0, color="0.3", linewidth=0.8)
    ax.set_xticks(range(len(tables)), tables, rotation=20 if len(tables) > 4 else 0)
    ax.tick_params(axis="x", length=0)
    ax.set_ylabel("mean silhouette, from -1 to 1")
    ax.margins(x=0.04, y=0.16)
    style(ax)
    figure.legend(loc="outside lower center", ncols=min(3, len(levels)), frameon=False)
    lines = [
        found.title,
        f"{CONFIDENCE:.0%} intervals over items; above 0: nearer to its own category than to any other",
    ]
    if found.is_text:
        lines.append(f"encoders read {found.column!r} too, unless told otherwise")
    entitle(figure, *lines)
    return figure
