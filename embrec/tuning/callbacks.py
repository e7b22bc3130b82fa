"""The objects that Ray Tune calls back: the searcher, the scheduler and the listener. Sources: [liaw2018], [li2020].

Each is a small subclass of one of Tune's classes, which is passed in as `base`, so that this module imports without Ray. Tune
pickles these objects into its own experiment files. A search resumes from its own log instead, so they return no state.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from embrec.tuning.config import Halving
from embrec.tuning.trial_queue import TrialQueue


class TrialListener(Protocol):
    """The receiver of events of trials."""

    def check_cancelled(self) -> None:
        """Raise if the search should end."""
        ...

    def started(self, number: int) -> None:
        """Handle the start of a trial."""
        ...

    def reported(self, number: int, result: Mapping[str, Any]) -> None:
        """Handle the result of one epoch of a trial, or its failure."""
        ...

    def ended(self, number: int, result: Mapping[str, Any]) -> None:
        """Handle the end of a trial: it finished, failed or was stopped by the scheduler."""
        ...

    def died(self, number: int, error: BaseException | None) -> None:
        """Handle a trial whose process died more often than it may be restarted."""
        ...


def scheduler(base: Any, search: TrialQueue, halving: Halving) -> Any:
    """Return a scheduler that stops trials by asynchronous successive halving.

    After an interruption, the decisions in the log are made again first. Later trials are therefore compared with the same
    values as in a search that was never interrupted.

    Args:
        base: Tune's class `ASHAScheduler`.
        search: the queue of trials, with their log.
        halving: settings of the early stopping.
    """

    class Scheduler(base):
        def __init__(self) -> None:
            super().__init__(
                time_attr="epoch",
                metric="gain",
                mode="max",
                max_t=search.config.epochs,
                grace_period=search.config.grace,
                reduction_factor=halving.reduction,
            )
            for number in search.log.trials:
                super().on_trial_add(None, _NumberedTrial(number))

        __getstate__ = _nothing

        def replay(self) -> None:
            """Repeat the decisions of the log, and stop a trial that should have stopped when the search was interrupted."""
            decided = {}
            for number, epochs in search.log.order:
                trial = search.log.trials[number]
                best = replace(trial, epochs=trial.epochs[:epochs]).best(search.config.objective, search.config.sign)
                epoch = trial.epochs[epochs - 1]["epoch"]
                # As in a step of a trial: an epoch without validation has the best value of the epochs before it.
                if best is not None and epoch < search.config.epochs:
                    result = {"epoch": epoch, "gain": search.config.sign * best[1]}
                    decided[number] = super().on_trial_result(None, _NumberedTrial(number), result)
            for number in list(search.waiting):
                if decided.get(number) == base.STOP:
                    search.waiting.remove(number)
                    search.end(number, "stopped")

        def on_trial_add(self, controller: Any, trial: Any) -> None:
            super().on_trial_add(controller, _numbered(trial))

        def on_trial_result(self, controller: Any, trial: Any, result: Any) -> Any:
            return super().on_trial_result(controller, _numbered(trial), result)

        def on_trial_complete(self, controller: Any, trial: Any, result: Any) -> None:
            super().on_trial_complete(controller, _numbered(trial), result)

        def on_trial_remove(self, controller: Any, trial: Any) -> None:
            super().on_trial_remove(controller, _numbered(trial))

        def save(self, checkpoint_path: str) -> None:
            """Save nothing: the log of trials is the only state."""

    scheduler = Scheduler()
    scheduler.replay()
    return scheduler


class _NumberedTrial:
    """A trial as the scheduler identifies it: by its number, which survives interruptions, unlike Tune's trial id."""

    def __init__(self, number: int) -> None:
        self.trial_id = str(number)


def _numbered(trial: Any) -> _NumberedTrial:
    return _NumberedTrial(trial.config["number"])


def searcher(base: Any, search: TrialQueue) -> Any:
    """Return a search algorithm for Tune that takes its trials from the queue.

    Args:
        base: Tune's class `Searcher`.
        search: the queue of trials.
    """

    class Searcher(base):
        def __init__(self, search: TrialQueue) -> None:
            super().__init__(metric="gain", mode="max")
            self.search = search

        __getstate__ = _nothing

        def suggest(self, trial_id: str) -> Any:
            trial = self.search.next()
            if trial is None:
                return base.FINISHED
            return {"number": trial.number, "settings": dict(trial.settings), "reported": len(trial.epochs)}

        def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
            """Do nothing: the listener records how the trial ended."""

        def save(self, checkpoint_path: str) -> None:
            """Save nothing: the log of trials is the only state."""

        def restore(self, checkpoint_path: str) -> None:
            """Restore nothing: the log of trials is the only state."""

    return Searcher(search)


def listener(base: Any, tuning: TrialListener) -> Any:
    """Return a callback for Tune that passes events of trials to `tuning`.

    Args:
        base: Tune's class `Callback`.
        tuning: the receiver of the events.
    """

    class Listener(base):
        def __init__(self, tuning: TrialListener) -> None:
            self.tuning = tuning

        __getstate__ = _nothing

        def on_step_begin(self, iteration: int, trials: Any, **info: Any) -> None:
            self.tuning.check_cancelled()

        def on_trial_start(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            self.tuning.started(trial.config["number"])

        def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: Any, **info: Any) -> None:
            self.tuning.reported(trial.config["number"], result)

        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            self.tuning.ended(trial.config["number"], trial.last_result or {})

        def on_trial_error(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            self.tuning.died(trial.config["number"], trial.get_error())

    return Listener(tuning)


def _nothing(_: Any) -> dict[str, Any]:
    """Return an empty state, because nothing reads the files that Tune would write the object to."""
    return {}
