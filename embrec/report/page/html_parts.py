"""The parts of sections: tables, figures and tiles as plain values for the templates, and formats of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from embrec.evaluation.statistics import PairedTest

NONE = "\N{EN DASH}"  # stands for a missing value


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        text: text of the cell.
        note: second, smaller line, such as an interval.
        mark: verdict of a test against the reference.
        best: True for the best value of a column.
        key: key of the model of this row, to show its colour and marker; empty if the row belongs to no model.
    """

    text: str
    note: str = ""
    mark: Literal["", "better", "worse"] = ""
    best: bool = False
    key: str = ""


@dataclass(frozen=True)
class HtmlTable:
    """A table; the first cell of a row is its header.

    Attributes:
        caption: caption of the table.
        columns: names of the columns.
        rows: rows, each as long as `columns`.
        words: positions of columns with text instead of numbers; the first column always has text.
        note: remark below the table.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    words: frozenset[int] = frozenset()
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A figure: an SVG element (with escaped text), its title, and its width in CSS pixels."""

    svg: str
    title: str
    width: int


@dataclass(frozen=True)
class Panels:
    """Small figures with a common caption and legend.

    Attributes:
        caption: caption of the figures.
        figures: figures in order.
        models: keys of the models in the legend; empty if no legend is needed.
        others: further entries of the legend, (label, CSS class of its swatch).
    """

    caption: str
    figures: Sequence[Figure]
    models: Sequence[str] = ()
    others: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Tile:
    """A highlighted number with a label and a note."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        id: anchor of the section.
        title: heading of the section.
        template: name of the template file.
        content: variables of the template, name -> value.
    """

    id: str
    title: str
    template: str
    content: dict[str, object] = field(default_factory=dict)


def cells(values: Sequence[object]) -> tuple[Cell, ...]:
    """Return values as a row of cells."""
    return tuple(Cell(str(value)) for value in values)


def mark(test: PairedTest | None) -> Literal["", "better", "worse"]:
    """Return the mark of a test; empty if there is no test, or if it is undecided."""
    verdict = "undecided" if test is None else test.verdict()
    return "" if verdict == "undecided" else verdict


def count(value: float) -> str:
    """Format a count: 12,101."""
    return f"{value:,.0f}"


def percent(share: float, digits: int = 1) -> str:
    """Format a share; a share near 0 or 1 is not rounded to 0 % or 100 %.

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
    """Format an interval."""
    return f"{low:.4f} \N{EN DASH} {high:.4f}"


def signed(value: float) -> str:
    """Format a difference with its sign, with a proper minus."""
    return f"{value:+.4f}".replace("-", "\N{MINUS SIGN}")


def shortened(text: str, length: int) -> str:
    """Return the words of a text within its first `length` characters, and an ellipsis for the others.

    >>> shortened("a long text", 8), shortened("short", 8)
    ('a long …', 'short')
    """
    return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + " …"


def shown_metric(name: str) -> str:
    """Return the name of a metric as in papers: HR@10."""
    return name.upper()
