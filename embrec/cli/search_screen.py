"""A search on one screen while it runs; in a pipe or log file, a line where something is worth one."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from embrec.cli.console import notes, shorten
from embrec.cli.messages import translate
from embrec.memory import peak_memory
from embrec.progress import clock

if TYPE_CHECKING:
    from embrec.tuning.on_ray import SearchState
    from embrec.tuning.records import Trial

_SHARE = 10  # in a log file, a line each tenth of the trials
_BAR = 30


class SearchScreen:
    """Draws the state of a search and of the training that follows it; to be used within `search_screen`."""

    def __init__(self, title: str) -> None:
        from rich.live import Live

        self.title = title
        self.console = notes()
        self.state: SearchState | None = None
        self.task = ""
        self.told: set[int] = set()
        self.finished: set[str] = set()
        self.best: float | None = None
        self.live = (
            Live(
                console=self.console,
                get_renderable=self._draw,
                refresh_per_second=4,
                transient=True,
                auto_refresh=self.console.is_terminal,
            )
            if self.console.is_terminal
            else None
        )

    def on_change(self, state: "SearchState") -> None:
        """Take note of a trial that began, has trained an epoch or ended."""
        if self.state is None:
            self.console.print(f"{self.title}: {_plan_words(state)}", markup=False)
        self.state = state
        if not self.console.is_terminal:
            self._tell(state)

    def progress(self, task: str, done: int, total: int | None, note: str = "") -> None:
        """Take note of a step of the final training."""
        note = translate(note)
        if self.console.is_terminal:
            self.task = f"{task}: {done:,}{f'/{total:,}' if total else ''} {note}".rstrip()
        elif total is not None and done >= total and task not in self.finished:
            self.finished.add(task)
            self.console.print(f"{task}: {done:,} done {note}".rstrip(), markup=False)

    def _tell(self, state: "SearchState") -> None:
        """Print a line for a failed trial, a new best one at its end, and each tenth of the trials."""
        config = state.config
        ended = {number for number, trial in list(state.trials.items()) if trial.ended}
        for number in sorted(ended - self.told):
            trial = state.trials[number]
            self.told.add(number)
            if len(self.told) <= state.before:
                continue
            found = trial.outcome(config.objective, config.sign)
            better = found is not None and (self.best is None or config.sign * found[1] > config.sign * self.best)
            if better and found is not None:
                self.best = found[1]
            if trial.status == "failed":
                self.console.print(translate(f"{self.title}: trial {number} failed: {trial.error}"), markup=False)
            elif better or len(self.told) % max(1, config.samples // _SHARE) == 0:
                counts = self._counts(state)
                self.console.print(f"{self.title}: {counts}; {_best_words(state)}", markup=False)

    @staticmethod
    def _counts(state: "SearchState") -> str:
        trials = list(state.trials.values())
        ended = {
            status: sum(trial.status == status for trial in trials) for status in ("finished", "stopped", "failed")
        }
        words = [f"{count} {status}" for status, count in ended.items() if count or status != "failed"]
        return f"{sum(ended.values())}/{state.config.samples} trials ({', '.join(words)})"

    def _draw(self) -> Any:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        state = self.state
        if state is None or not state.trials:
            return Text(f"{self.title}: starting Ray and its workers ...")
        if self.task:
            return Group(Text(f"{self.title}: {self._counts(state)}; {_best_words(state)}"), Text(self.task))
        ended = sum(trial.ended for trial in list(state.trials.values()))
        filled = round(_BAR * ended / max(1, state.config.samples))
        lines = [
            Text(f"{self.title}  {'━' * filled}{'─' * (_BAR - filled)}  {self._counts(state)}"),
            Text(f"{_best_words(state)}   {_clock(state, ended)}"),
        ]
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for name in ("trial", "epoch", state.config.objective, "settings"):
            table.add_column(name, justify="left" if name == "settings" else "right", no_wrap=name != "settings")
        width = max(20, self.console.width - 34)
        for number in sorted(state.running):
            trial = state.trials[number]
            values = trial.values(state.config.objective)
            table.add_row(
                str(number),
                f"{len(trial.epochs)}/{state.config.epochs}",
                f"{values[-1][1]:.4f}" if values else "",
                Text(shorten(_settings_words(trial.settings), width)),
            )
        return Group(*lines, table)


def _plan_words(state: "SearchState") -> str:
    """Say what is about to be searched, so that a mistake is seen before the night is over."""
    from embrec.tuning.summary import short_labels

    config = state.config
    done = f", {state.before} of them done" if state.before else ""
    return (
        f"{config.samples} trials of at most {config.epochs} epochs{done}, {state.slots} at once, for the best "
        f"{config.objective}; searched: {', '.join(short_labels(config.space).values())}"
    )


def _settings_words(settings: "Mapping[str, Any]") -> str:
    """Return settings in one line: `learning_rate 0.00034, dropout 0.21`."""
    from embrec.tuning.summary import short_labels, shown_setting

    labels = short_labels(settings)
    return ", ".join(f"{labels[key]} {shown_setting(key, value)}" for key, value in settings.items())


def _best_words(state: "SearchState") -> str:
    from embrec.tuning.records import best_trial

    config = state.config
    best: Trial | None = best_trial(dict(state.trials), config.objective, config.sign)
    if best is None:
        return f"no {config.objective} yet"
    epoch, value = best.best(config.objective, config.sign) or (0, 0.0)
    return f"best {config.objective} {value:.4f} (trial {best.number}, epoch {epoch})"


def _clock(state: "SearchState", ended: int) -> str:
    passed = time.monotonic() - state.started
    words = f"{clock(passed)} passed"
    done = ended - state.before
    if done > 0:
        # Trials at work count by half: some have just begun, some are nearly over.
        left = max(0.0, state.config.samples - ended - len(state.running) / 2)
        words += f", about {clock(passed / (done + len(state.running) / 2) * left)} left"
    return words


@contextmanager
def search_screen(title: str) -> Iterator[SearchScreen]:
    """Yield the screen of one search; at the end it says what the work took."""
    screen = SearchScreen(title)
    started = time.monotonic()
    if screen.live is None:
        yield screen
    else:
        with screen.live:
            yield screen
    screen.console.print(
        f"{title}: took {clock(time.monotonic() - started)}, peak memory {peak_memory():,.0f} MB", markup=False
    )
