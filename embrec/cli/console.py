"""Tables, notes and progress bars of the terminal: results go to standard output, all else to standard error."""

import contextlib
import os
import re
import textwrap
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from embrec.cli.messages import translate
from embrec.memory import peak_memory

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from embrec.progress import Progress


_GLUE = "\ue000"  # stands for a space at which no line is to be broken, while a table is drawn
_BESIDE = 2  # what a column takes beside its cells
_SHORT = 40  # letters of a cell that is a figure with its interval, and no sentence


def answers() -> "Console":
    """Return the console of results, on standard output."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def notes() -> "Console":
    """Return the console of everything else, on standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_note(text: str) -> None:
    """Print a line on standard error, with options in the place of the library's parameters."""
    notes().print(translate(text), markup=False)


def print_line(text: str) -> None:
    """Print a line that is a result and is not folded, with options in the place of the library's parameters."""
    answers().print(translate(text), markup=False)


def print_text(text: str) -> None:
    """Print sentences that are results, folded between words where it is known how wide the terminal is.

    Options stand in the place of the library's parameters.
    """
    console = answers()
    console.print(_folded(translate(text), console), markup=False)


def _folded(text: str, console: "Console") -> str:
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        return text
    return "\n".join(textwrap.wrap(text, console.width, break_long_words=False, break_on_hyphens=False)) or text


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table of results; numbers are aligned to the right.

    On a narrow terminal cells are folded between words alone, an interval counting as one, and columns that do not fit even
    then go into a further table below. In a file nothing is folded, unless $COLUMNS says how wide it is to be.
    """
    cells = [[_whole(_cell(value)) for value in row] for row in rows]
    console = answers()
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = max(console.width, 160)  # nobody folds the lines of a file
    widths = [_longest_word([name, *(row[place] for row in cells)]) for place, name in enumerate(columns)]
    whole = [max(map(len, [name, *(row[place] for row in cells)])) for place, name in enumerate(columns)]
    for number, places in enumerate(_pages(widths, console.width)):
        fitting = _fitting([widths[place] for place in places], [whole[place] for place in places], console.width)
        table = _table("" if number else _folded(title, console), columns, places, cells, rows, fitting)
        with console.capture() as drawn:
            console.print(table)
        console.file.write(drawn.get().replace(_GLUE, " "))
    console.file.flush()


def _pages(widths: Sequence[int], width: int) -> list[list[int]]:
    """Return which columns stand side by side; where they cannot all, each further table begins with the first again."""
    pages: list[list[int]] = [[0]] if widths else []
    first = 1 + widths[0] + _BESIDE if widths else 0
    used = first
    for place in range(1, len(widths)):
        if used + widths[place] + _BESIDE > width and len(pages[-1]) > 1:
            pages.append([0])
            used = first
        pages[-1].append(place)
        used += widths[place] + _BESIDE
    return pages


def _fitting(least: Sequence[int], whole: Sequence[int], width: int) -> list[int]:
    """Return how wide columns are: as wide as their longest cells, or where that is too much, those that fold most first."""
    widths = list(least)
    left = width - 1 - sum(least) - _BESIDE * len(least)
    while left > 0 and (short := [place for place, wanted in enumerate(whole) if widths[place] < wanted]):
        widths[max(short, key=lambda place: whole[place] / widths[place])] += 1
        left -= 1
    return widths


def _table(
    title: str,
    columns: Sequence[str],
    places: Sequence[int],
    cells: Sequence[Sequence[str]],
    rows: Sequence[Sequence[object]],
    widths: Sequence[int],
) -> "Table":
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for place, width in zip(places, widths, strict=True):
        numeric = all(isinstance(row[place], int | float) or row[place] in ("", "-") for row in rows)
        table.add_column(columns[place], justify="right" if numeric else "left", width=width)
    for row in cells:
        table.add_row(*(escape(row[place]) for place in places))
    return table


def _longest_word(texts: Sequence[str]) -> int:
    return max((len(word) for text in texts for word in text.split()), default=0)


def _whole(text: str) -> str:
    """Return a cell in which an interval is one word: it is not to be broken over two lines."""
    text = re.sub(r"(?<=\]) (?=[▲▼=])", _GLUE, text)
    text = re.sub(r"\[[^\[\]]*\]|\([+-][0-9.]+[^()]*\)", lambda found: found[0].replace(" ", _GLUE), text)
    return text.replace("± ", f"±{_GLUE}").replace(" ±", f"{_GLUE}±") if len(text) < _SHORT else text


def shorten(text: str, width: int) -> str:
    """Return a text of at most `width` characters, cut after a word."""
    return textwrap.shorten(text, width, placeholder="…")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 1 else f"{value:,.2f}"
    return str(value)


@contextlib.contextmanager
def progress_bars(*, quiet: bool = False) -> Iterator["Progress"]:
    """Yield a progress callback that draws a bar per task; in a pipe or log file, a line at the end of each task.

    At the end it says what the work took; a quiet one does not where there was no work.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = notes()
    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        disable=not console.is_terminal,
    )
    tasks: dict[str, int] = {}
    finished: set[str] = set()

    def report(task: str, done: int, total: int | None, note: str = "") -> None:
        note = translate(note)
        if task not in tasks:
            tasks[task] = bars.add_task(task, total=total, note=note)
        bars.update(tasks[task], completed=done, total=total, note=note)  # type: ignore[arg-type]
        if not console.is_terminal and total is not None and done >= total and task not in finished:
            finished.add(task)
            console.print(f"{task}: {done:,} done {note}".rstrip())

    started = time.monotonic()
    with bars:
        yield report
    if tasks or not quiet:
        console.print(f"took {time.monotonic() - started:.1f} s, peak memory {peak_memory():,.0f} MB")
