"""What the terminal shows: tables, notes and progress bars, on standard error unless it is the answer itself."""

import contextlib
import textwrap
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from embrec.memory import peak_memory

if TYPE_CHECKING:
    from rich.console import Console

    from embrec.progress import Progress


def answers() -> "Console":
    """Return the console of results, on standard output."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def notes() -> "Console":
    """Return the console of everything else, on standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def print_note(text: str) -> None:
    """Print a line of what is going on, on standard error."""
    notes().print(text, markup=False)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table of results; numbers are aligned to the right, and a narrow terminal folds cells only between words."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    cells = [[_cell(value) for value in row] for row in rows]
    table = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for place, name in enumerate(columns):
        numeric = all(isinstance(row[place], int | float) or row[place] in ("", "-") for row in rows)
        words = [word for text in (name, *(row[place] for row in cells)) for word in text.split()]
        longest = max(map(len, words), default=0)
        table.add_column(name, justify="right" if numeric else "left", min_width=longest)
    for row in cells:
        table.add_row(*map(escape, row))
    console = answers()
    if not console.is_terminal:
        console.width = max(console.width, 160)  # nobody folds the lines of a file
    console.print(table)


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
