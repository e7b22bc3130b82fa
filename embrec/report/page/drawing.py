"""Small SVG figures for a page: text stays text, equal data give equal bytes, and there are no external references."""

import io
import re
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from embrec.comparisons.figures import empty_figure
from embrec.report.page.html_parts import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#1f2933"
MUTED = "#52606d"
LINES = "#e6e8e3"

WIDTH, HEIGHT = 300, 210  # CSS pixels: three fit side by side on a desktop, one on a phone, with text of the same size

_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",  # comes with matplotlib; wider than the fonts of the page, so texts fit
    "font.size": 11,
    "axes.edgecolor": "#9aa5b1",
    "axes.labelcolor": MUTED,
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": LINES,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": "#9aa5b1",
    "ytick.color": "#9aa5b1",
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
}


def figure(
    name: str,
    title: str,
    description: str,
    draw: Callable[["Axes"], None],
    *,
    height: int = HEIGHT,
    width: int = WIDTH,
) -> Figure:
    """Draw one panel.

    Args:
        name: name of the figure, unique on the page; prefix of the ids inside the SVG.
        title: title of the panel.
        description: text alternative for readers who cannot see the figure.
        draw: function that draws into the axes.
        height: height in CSS pixels.
        width: width in CSS pixels; wider figures need the template macro `show.wide`.
    """
    import matplotlib

    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": f"embrec-{name}"}):
        drawing = empty_figure(width / 72, height / 72)
        drawing.patch.set_visible(False)
        axes = drawing.subplots()
        axes.patch.set_visible(False)
        draw(axes)
        stream = io.StringIO()
        drawing.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return Figure(_inline(stream.getvalue(), name, title, description, width), title, width)


def grid(axes: "Axes", axis: Literal["x", "y", "both"] = "y") -> None:
    """Draw light grid lines for one axis or both."""
    axes.grid(axis=axis)


def _inline(svg: str, name: str, title: str, description: str, width: int) -> str:
    """Turn an SVG file into an element of a page: without prolog, metadata and style sheet, with unique ids, title and text."""
    (box,) = re.findall(r'viewBox="[^"]+"', svg)
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    for unwanted in (r"<metadata>.*?</metadata>", r"<!--.*?-->", r"<style.*?</style>", r"(?<=<g) id=\"[^\"]+\""):
        body = re.sub(unwanted, "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = body.replace("font-family: 'DejaVu Sans'; ", "")  # use the font of the page
    body = re.sub(r"<[^>]+>", _rounded, body)
    opening = (
        f'<svg {box} role="img" aria-labelledby="{name}-title {name}-description" style="max-width:{width}px">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-description">{escape(description)}</desc>'
    )
    return re.sub(r"\s*\n\s*", "\n", opening + body).strip()


def _rounded(tag: re.Match[str]) -> str:
    """Round the coordinates in a tag to hundredths of a pixel; text between tags is left as it is."""
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", tag[0])
