"""What Ray Tune calls: who says what to try, what to stop, and who is told. Tune's classes come as arguments.

Tune would write each of these objects to files of its own, which nobody reads: they have no state for it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from embrec.tuning.config import Halving
from embrec.tuning.trial_queue import TrialQueue


class Listens(Protocol):
    """Who is told what becomes of trials."""

    def go_on(self) -> None:
        """Raise if the search is to end."""
        ...

    def begun(self, number: int) -> None:
        """A trial is at work."""
        ...

    def told(self, number: int, result: Mapping[str, Any]) -> None:
        """A trial has trained an epoch, or failed."""
        ...

    def ended(self, number: int, result: Mapping[str, Any]) -> None:
        """A trial ended by itself or was stopped."""
        ...

    def died(self, number: int, error: BaseException | None) -> None:
        """The process of a trial ended once too often."""
        ...


def scheduler(base: Any, search: TrialQueue, halving: Halving) -> Any:
    """Return what stops trials: as strict as it would have been if the search had never been interrupted."""

    class Scheduler(base):
        def __init__(self) -> None:
            super().__init__(
                time_attr="epoch", metric="gain", mode="max", max_t=search.config.epochs, grace_period=search.config.grace,
                reduction_factor=halving.reduction,
            )  # fmt: skip
            for number in search.log.trials:
                super().on_trial_add(None, _Numbered(number))

        __getstate__ = _nothing

        def replay(self) -> None:
            """Decide again what was decided; a trial that was to be stopped when the search ended is stopped now."""
            decided = {}
            for number, epochs in search.log.order:
                trial = search.log.trials[number]
                best = replace(trial, epochs=trial.epochs[:epochs]).best(search.config.objective, search.config.sign)
                told = trial.epochs[epochs - 1]["epoch"]
                # As in a step of a trial: an epoch that was not validated has the best value of those before it.
                if best is not None and told < search.config.epochs:
                    result = {"epoch": told, "gain": search.config.sign * best[1]}
                    decided[number] = super().on_trial_result(None, _Numbered(number), result)
            for number in list(search.waiting):
                if decided.get(number) == base.STOP:
                    search.waiting.remove(number)
                    search.end(number, "stopped")

        def on_trial_add(self, controller: Any, trial: Any) -> None:
            super().on_trial_add(controller, _of(trial))

        def on_trial_result(self, controller: Any, trial: Any, result: Any) -> Any:
            return super().on_trial_result(controller, _of(trial), result)

        def on_trial_complete(self, controller: Any, trial: Any, result: Any) -> None:
            super().on_trial_complete(controller, _of(trial), result)

        def on_trial_remove(self, controller: Any, trial: Any) -> None:
            super().on_trial_remove(controller, _of(trial))

        def save(self, checkpoint_path: str) -> None:
            """Keep nothing: the log of trials is all there is."""

    scheduler = Scheduler()
    scheduler.replay()
    return scheduler


class _Numbered:
    """A trial as halving knows it: by its number, which it keeps over interruptions, and not by Tune's name."""

    def __init__(self, number: int) -> None:
        self.trial_id = str(number)


def _of(trial: Any) -> _Numbered:
    return _Numbered(trial.config["number"])


def searcher(base: Any, search: TrialQueue) -> Any:
    """Return Tune's view of what is to be tried next."""

    class Search(base):
        def __init__(self, search: TrialQueue) -> None:
            super().__init__(metric="gain", mode="max")
            self.search = search

        __getstate__ = _nothing

        def suggest(self, trial_id: str) -> Any:
            trial = self.search.next()
            if trial is None:
                return base.FINISHED
            return {"number": trial.number, "settings": dict(trial.settings), "heard": len(trial.epochs)}

        def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
            """Leave it to the listener, which knows how the trial ended."""

        def save(self, checkpoint_path: str) -> None:
            """Keep nothing: the log of trials is all there is."""

        def restore(self, checkpoint_path: str) -> None:
            """Read nothing."""

    return Search(search)


def listener(base: Any, tuning: Listens) -> Any:
    """Return what Tune tells of every trial's fate."""

    class Listener(base):
        def __init__(self, tuning: Listens) -> None:
            self.tuning = tuning

        __getstate__ = _nothing

        def on_step_begin(self, iteration: int, trials: Any, **info: Any) -> None:
            self.tuning.go_on()

        def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            self.tuning.begun(trial.config["number"])

        def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: Any, **info: Any) -> None:
            self.tuning.told(trial.config["number"], result)

        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            self.tuning.ended(trial.config["number"], trial.last_result or {})

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            self.tuning.died(trial.config["number"], trial.get_error())

    return Listener(tuning)


def _nothing(_: Any) -> dict[str, Any]:
    """Return no state, where Tune would write an object to its own files, which nobody reads."""
    return {}
