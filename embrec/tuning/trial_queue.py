"""The queue of trials of a search: proposes trials and records how they end, independent of the engine that runs them."""

import itertools

from embrec.tuning.config import SearchConfig
from embrec.tuning.folder import SearchFolder
from embrec.tuning.proposals import Proposals
from embrec.tuning.records import Status, Trial, TrialLog
from embrec.tuning.space import point_of, settings_at


class TrialQueue:
    """Proposes trials and records how they end.

    Interrupted trials come first, then the starting points, then new proposals.

    Args:
        folder: folder of the search.
        config: configuration of the search.
        log: log of its trials; trials in the log are not proposed again.

    Raises:
        MissingExtraError: HyperOpt is not installed.
    """

    def __init__(self, folder: SearchFolder, config: SearchConfig, log: TrialLog) -> None:
        self.folder = folder
        self.config = config
        self.log = log
        self.space = config.parsed_space()
        self.proposals = Proposals(self.space, config.algorithm, seed=config.seed, random_first=config.random_trials)
        for trial in log.trials.values():
            self.proposals.add(trial.number, trial.point)
            if trial.ended:
                self.proposals.tell(trial.number, self.loss(trial.number))
        for trial in list(log.trials.values()):
            if trial.over and not trial.ended:
                self.end(trial.number, "finished")
        self.waiting = [trial.number for trial in log.trials.values() if not trial.ended]

    @property
    def left(self) -> int:
        """Number of trials that have not run to their end."""
        return len(self.waiting) + max(0, self.config.samples - len(self.log.trials))

    def next(self) -> Trial | None:
        """Return the next trial: an interrupted one, a starting point or a new proposal; None if no trial is left."""
        if self.waiting:
            return self.log.trials[self.waiting.pop(0)]
        if self.left == 0:
            return None
        number = next(number for number in itertools.count(1) if number not in self.log.trials)
        if number <= len(self.config.start):
            point = point_of(self.space, self.config.start[number - 1])
            self.proposals.add(number, point)
        else:
            point = self.proposals.propose(number)
        return self.log.begin(number, point, settings_at(self.space, point))

    def loss(self, number: int) -> float | None:
        """Return the loss of a trial for HyperOpt, which minimises; None if the trial failed or has no value."""
        trial = self.log.trials[number]
        best = trial.outcome(self.config.objective, self.config.sign)
        return None if best is None else -self.config.sign * best[1]

    def end(self, number: int, status: Status, error: str = "") -> None:
        """Record the end of a trial, and delete its checkpoint."""
        self.log.end(number, status, error)
        self.proposals.tell(number, self.loss(number))
        self.folder.checkpoint(number).unlink(missing_ok=True)
