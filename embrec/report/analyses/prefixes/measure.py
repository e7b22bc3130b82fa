"""How well a model predicts after few and after many events, after [semikin2019] Fig. 9.

The paper reads from such a curve that longer histories lead to higher accuracy. But users with long histories are other users,
and may be easier to predict from the first event on. So each point has a second one beside it: the same users at their first
target. Between the two is what the events in between have brought; how the second one moves is who is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from embrec.comparisons.measurements import CONFIDENCE, RESAMPLES
from embrec.comparisons.tables import Table
from embrec.data.interactions import Interactions
from embrec.errors import ConfigError
from embrec.evaluation.evaluator import Evaluation
from embrec.evaluation.few_candidates import telling
from embrec.evaluation.statistics import bootstrap_means, interval
from embrec.report.analyses.files import ranges

LONGEST = 16  # as [semikin2019]
FEWEST = 20  # targets that a mean needs: the interval of fewer says nothing


@dataclass(frozen=True)
class Point:
    """A metric after one number of events.

    Attributes:
        events: before the target.
        targets: how many targets there are, each of another user.
        mean: of the metric.
        low: lower end of its bootstrap interval over users.
        high: upper end.
        at_first: the mean of the same users at their first target; None where no user has several.
        gain: mean - at_first.
        gain_low: lower end of its interval, the users paired with themselves.
        gain_high: upper end.
    """

    events: int
    targets: int
    mean: float
    low: float
    high: float
    at_first: float | None = None
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None


@dataclass(frozen=True)
class Prefixes:
    """What came of the targets, by the number of events before them.

    Attributes:
        counts: events before the target -> targets, up to the longest.
        longer: targets after more events, which are left out.
        users: whose targets all these are.
        metrics: metric -> its points, from few events to many; those of fewer than `FEWEST` targets are left out.
        too_few: events before the target where targets are too few for a mean.
        void: metric -> events before the target where so few candidates are left that any model has the same value; no points.
    """

    counts: Mapping[int, int]
    longer: int
    users: int
    metrics: Mapping[str, Sequence[Point]]
    too_few: Sequence[int]
    void: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @property
    def one_each(self) -> bool:
        """Whether every user has a single target, so that no user can be compared with itself."""
        return sum(self.counts.values()) + self.longer == self.users

    def notes(self) -> list[str]:
        """Say what a reader of the curve should know."""
        notes = []
        if self.one_each:
            notes.append(
                "every user has one target: points differ by their users too; train on --split user-holdout to see "
                "every prefix of new users"
            )
        if self.longer:
            notes.append(f"{self.longer:,} targets after more than {max(self.counts)} events are left out")
        if self.too_few:
            notes.append(f"fewer than {FEWEST} targets each, so no mean: after {ranges(self.too_few)} events")
        notes += [
            f"so few candidates are left that {name} is the same for every model: after {ranges(events)} events"
            for name, events in self.void.items()
        ]
        return notes


def by_prefix(
    evaluation: Evaluation,
    interactions: Interactions,
    metrics: Sequence[str],
    *,
    longest: int = LONGEST,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Prefixes:
    """Return the means of metrics by the number of events before the target.

    Args:
        evaluation: of the targets.
        interactions: the log.
        metrics: such as `auc`.
        longest: the most events before a target.
        seed: of the bootstrap.
        resamples: drawings of users.

    Raises:
        ConfigError: every target has more events before it.
    """
    events = interactions.position[evaluation.event]
    within = events <= longest
    if not within.any():
        raise ConfigError(
            f"--longest is {longest}, but every target has {int(events.min()):,} events and more before it"
        )
    lengths, counts = np.unique(events[within], return_counts=True)
    values = np.stack([evaluation.values(name) for name in metrics], axis=1)  # [T, K]
    first = values[first_targets(evaluation.user, events)]
    users = len(np.unique(evaluation.user))
    points: dict[str, list[Point]] = {name: [] for name in metrics}
    void: dict[str, list[int]] = {}
    for length in lengths[counts >= FEWEST]:
        rows = np.flatnonzero(events == length)
        both = np.concatenate([values[rows], values[rows] - first[rows]], axis=1)  # [targets, 2 K]
        low, high = interval(bootstrap_means(both, evaluation.user[rows], resamples=resamples, seed=seed), CONFIDENCE)
        mean = both.mean(axis=0)
        for place, name in enumerate(metrics):
            if not telling((name,), evaluation.standing.candidates[rows]):
                void.setdefault(name, []).append(int(length))
                continue
            gain = len(metrics) + place
            beside = (mean[place] - mean[gain], mean[gain], low[gain], high[gain]) if users < len(evaluation) else ()
            numbers = (mean[place], low[place], high[place], *beside)
            points[name].append(Point(int(length), len(rows), *map(float, numbers)))
    return Prefixes(
        dict(zip(lengths.tolist(), counts.tolist(), strict=True)),
        int((~within).sum()),
        users,
        points,
        lengths[counts < FEWEST].tolist(),
        void,
    )


def first_targets(users: NDArray[np.int64], events: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row of the first target of each target's user, [T].

    >>> first_targets(np.array([7, 7, 3]), np.array([2, 1, 4]))
    array([1, 1, 2])
    """
    order = np.lexsort((events, users))
    _, start, whose = np.unique(users[order], return_index=True, return_inverse=True)
    rows = np.empty(len(users), dtype=np.int64)
    rows[order] = order[start][whose]
    return rows


def tables(found: Prefixes) -> list[Table]:
    """Return a table a metric, a row for each number of events."""
    result = []
    for name, points in found.metrics.items():
        columns = ["events before", "targets", name, f"{CONFIDENCE:.0%} interval"]
        rows = [[f"{p.events}", f"{p.targets:,}", f"{p.mean:.4f}", f"{p.low:.4f} to {p.high:.4f}"] for p in points]
        if not found.one_each:
            columns += ["same users at first", "gain", f"{CONFIDENCE:.0%} interval"]
            for row, p in zip(rows, points, strict=True):
                row += [f"{p.at_first:.4f}", f"{p.gain:+.4f}", f"{p.gain_low:+.4f} to {p.gain_high:+.4f}"]
        result.append(Table("", columns, rows))
    return result
