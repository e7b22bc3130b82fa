"""Small SVG figures for a page: text stays text, equal data give equal bytes, and nothing in them points outside."""

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

WIDTH, HEIGHT = 300, 210  # CSS pixels: three abreast on a desktop, one on a phone, with letters of the same size

_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",  # comes with matplotlib and is wider than what the page uses: what fits here fits there
    "font.size": 11,
    "axes.edgecolor": "#9aa5b1",
    "axes.labelcolor": MUTED,
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": "#e6e8e3",
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
        name: unique on the page; ids inside the drawing begin with it.
        title: what stands above it.
        description: what one sees in it, for those who do not.
        draw: draws into the axes.
        height: in CSS pixels.
        width: in CSS pixels; what is wider than the others belongs into `show.wide`.
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
    """Draw light lines across, along one axis or both."""
    axes.grid(axis=axis)


def _inline(svg: str, name: str, title: str, description: str, width: int) -> str:
    """Turn a file into an element of a page: no prolog, metadata or style sheet, ids of its own, a title and a description."""
    (box,) = re.findall(r'viewBox="[^"]+"', svg)
    body = svg[svg.index(">", svg.index("<svg")) + 1 :]
    for unwanted in (r"<metadata>.*?</metadata>", r"<!--.*?-->", r"<style.*?</style>", r"(?<=<g) id=\"[^\"]+\""):
        body = re.sub(unwanted, "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    body = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', body)
    body = body.replace("font-family: 'DejaVu Sans'; ", "")  # the typeface is the page's
    body = re.sub(r"<[^>]+>", _rounded, body)
    opening = (
        f'<svg {box} role="img" aria-labelledby="{name}-title {name}-description" style="max-width:{width}px">'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-description">{escape(description)}</desc>'
    )
    return re.sub(r"\s*\n\s*", "\n", opening + body).strip()


def _rounded(tag: re.Match[str]) -> str:
    """Round the coordinates in a tag to hundredths of a pixel; what stands between tags is text, and stays."""
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", tag[0])
