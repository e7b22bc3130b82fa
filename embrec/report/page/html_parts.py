"""What sections are made of: tables, figures and tiles, as values that a template can show without thinking."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from embrec.evaluation.statistics import PairedTest

NONE = "\N{EN DASH}"  # what stands where there is no value


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: what it says.
        note: a second, smaller line, such as an interval.
        mark: whether a test found it better or worse than the reference.
        best: it is the best of its column.
        key: the model of this row, whose colour and marker stand before the text; empty if the row is of no model.
    """

    text: str
    note: str = ""
    mark: Literal["", "better", "worse"] = ""
    best: bool = False
    key: str = ""


@dataclass(frozen=True)
class HtmlTable:
    """A table; the first cell of a row names it.

    Attributes:
        caption: what it shows.
        columns: their names.
        rows: each as long as `columns`.
        words: the places of columns that hold words and not numbers; the first always does.
        note: what a reader has to know, below it.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    words: frozenset[int] = frozenset()
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure: an SVG element, already safe, what it shows, in a line, and its width in CSS pixels."""

    svg: str
    title: str
    width: int


@dataclass(frozen=True)
class Panels:
    """Small figures that belong together, with one caption.

    Attributes:
        caption: what they show, and how to read it.
        figures: in order.
        models: whose colours stand in the legend; none if the figures need none.
        others: further entries of the legend, (label, CSS class of its swatch).
    """

    caption: str
    figures: Sequence[Figure]
    models: Sequence[str] = ()
    others: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Tile:
    """One number that stands out, with what it counts and a note."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        id: its anchor.
        title: its heading.
        template: the file that shows it.
        content: what the template is given, name -> value.
    """

    id: str
    title: str
    template: str
    content: dict[str, object] = field(default_factory=dict)


def cells(values: Sequence[object]) -> tuple[Cell, ...]:
    """Return plain values as a row of cells."""
    return tuple(Cell(str(value)) for value in values)


def mark(test: PairedTest | None) -> Literal["", "better", "worse"]:
    """Return the mark of a test; none where there is no test, or it decides nothing."""
    verdict = "undecided" if test is None else test.verdict()
    return "" if verdict == "undecided" else verdict


def count(value: float) -> str:
    """Show a count: 12,101."""
    return f"{value:,.0f}"


def percent(share: float, digits: int = 1) -> str:
    """Show a share; one that is nearly nothing or nearly all is not shown as nothing or all.

    >>> percent(0.1234), percent(0.0001), percent(0), percent(0.9999)
    ('12.3 %', '< 0.1 %', '0.0 %', '> 99.9 %')
    """
    smallest = 10.0**-digits
    if 0 < share * 100 < smallest / 2:
        return f"< {smallest:.{digits}f} %"
    if 100 - smallest / 2 <= share * 100 < 100:
        return f"> {100 - smallest:.{digits}f} %"
    return f"{share * 100:.{digits}f} %"


def between(low: float, high: float) -> str:
    """Show an interval."""
    return f"{low:.4f} \N{EN DASH} {high:.4f}"


def signed(value: float) -> str:
    """Show a difference with its sign, as typesetters write it."""
    return f"{value:+.4f}".replace("-", "\N{MINUS SIGN}")


def shown_metric(name: str) -> str:
    """Write the name of a metric as papers do: HR@10."""
    return name.upper()
