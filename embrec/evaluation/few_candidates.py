"""Few candidates: the number left for each target, and the metrics that cannot tell models apart then.

Among ten candidates every target is a hit for HR@10. This can happen even with a catalog of hundreds, since items that the user
has seen are not candidates, nor are items that nobody has used yet.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.data.prepared import PreparedSplit
from embrec.data.splits import Positions
from embrec.errors import ConfigError
from embrec.evaluation.candidates import Sampled, SeenSoFar
from embrec.evaluation.evaluator import EvaluationConfig, protocol_for
from embrec.evaluation.metrics import counts_hits, cutoff, metric
from embrec.evaluation.ranks import NotCandidates, Pool, Standing
from embrec.evaluation.seen import SeenItems, seen_since
from embrec.parameters import parameter

Mask = NDArray[np.bool_]

NEARLY_ALL = 0.99  # share of targets with the same value for every model, from which on a metric cannot compare models
_TARGETS_AT_A_TIME = 1 << 12


class Left(NamedTuple):
    """Range of the numbers of candidates: the fewest of a target, and the most that nearly all targets stay within."""

    fewest: int
    most: int

    def words(self) -> str:
        """Return the range as a text: `3 to 5`, or `5` if both ends are equal."""
        return f"{self.fewest:,}" if self.fewest == self.most else f"{self.fewest:,} to {self.most:,}"


def candidates_left(
    interactions: Interactions,
    targets: Positions,
    config: EvaluationConfig,
    n_items: int,
    hidden: Mask | None = None,
) -> NDArray[np.int64]:
    """Return the number of candidates of each target, including itself, without ranking by any model, [T].

    The numbers equal those that `evaluate` returns in its standings.

    Args:
        interactions: the log.
        targets: validation or test targets of a split, [T].
        config: evaluation protocol.
        n_items: size of the catalog.
        hidden: items that are not candidates yet, [n]; none if None.
    """
    if isinstance(config.candidates, Sampled):
        return np.full(len(targets), config.candidates.count + 1, dtype=np.int64)
    candidate = np.ones(n_items + 1, dtype=bool)
    candidate[0] = False
    if hidden is not None:
        candidate[1:] = ~hidden
    since = seen_since(interactions, n_items) if isinstance(config.candidates, SeenSoFar) else None
    pool, seen = Pool(candidate, since), SeenItems(interactions)
    parts = [np.empty(0, dtype=np.int64)]
    for start in range(0, len(targets), _TARGETS_AT_A_TIME):
        some = targets.select(np.arange(start, min(start + _TARGETS_AT_A_TIME, len(targets))))
        event = some.events(interactions)
        ids = interactions.item[event].astype(np.int64) + 1
        excluded = seen.excluded(some, ids) if config.seen == "exclude" else NotCandidates.none()
        parts.append(pool.sizes(ids, excluded, interactions.time[event]))
    return np.concatenate(parts)


def says_nothing(name: str, candidates: NDArray[np.int64]) -> Mask:
    """Return the targets for which a metric has the same value for every model, [T].

    These are targets with at most K candidates for a metric that counts hits, and with one candidate for any other.

    >>> says_nothing("hr@10", np.array([1, 10, 11])).tolist(), says_nothing("ndcg@10", np.array([1, 10, 11])).tolist()
    ([True, True, False], [True, False, False])
    """
    k = cutoff(name) or 1
    return candidates <= (k if counts_hits(name) else 1)


def telling(names: Sequence[str], candidates: NDArray[np.int64]) -> tuple[str, ...]:
    """Return the metrics that can tell models apart on more than 1 % of the targets."""
    return tuple(name for name in names if not _is_void(name, candidates))


def _is_void(name: str, candidates: NDArray[np.int64]) -> bool:
    return len(candidates) > 0 and float(says_nothing(name, candidates).mean()) >= NEARLY_ALL


def left(candidates: NDArray[np.int64]) -> Left:
    """Return the range of the number of candidates of nearly all targets."""
    return Left(int(candidates.min()), int(np.quantile(candidates, NEARLY_ALL, method="higher")))


def check_selection(
    name: str,
    interactions: Interactions,
    targets: Positions,
    config: EvaluationConfig,
    n_items: int,
    hidden: Mask | None = None,
    *,
    what: str = "training.select_by",
) -> None:
    """Refuse a metric that is to select among models although nearly every validation target is a hit for all of them.

    Args:
        name: name of the metric.
        interactions: the log.
        targets: validation targets.
        config: evaluation protocol.
        n_items: size of the catalog.
        hidden: items that are not candidates in validation, [n]; none if None.
        what: setting that names the metric, for the message.

    Raises:
        ConfigError: the metric cannot tell models apart.
    """
    k = cutoff(name) or 1
    visible = n_items - (0 if hidden is None else int(hidden.sum()))
    if config.candidates.kind == "all" and visible - int(targets.position.max(initial=0)) > k:
        return  # no history is long enough to leave only k candidates
    candidates = candidates_left(interactions, targets, config, n_items, hidden)
    if not _is_void(name, candidates):
        return
    most = left(candidates)
    mend = f"use ndcg@10 or auc ({parameter('training.select_by', 'auc')})" if most.most > 1 else "use a larger catalog"
    why = " once those that the user has seen are left out" if config.seen == "exclude" else ""
    raise ConfigError(
        f"{what} is {name!r}, but only {most.words()} candidates are left of each validation target{why}, so every target "
        f"would be a hit for every model; {mend}"
    )


def protocol_of_training(
    config: EvaluationConfig,
    prepared: PreparedSplit,
    select_by: str,
    *,
    validates: bool = True,
    what: str = "training.select_by",
) -> EvaluationConfig:
    """Return a protocol as it fits the data of a training, once its metrics are known to tell models apart.

    Args:
        config: the protocol that is asked for.
        prepared: the data, and how a split divides them.
        select_by: the metric that is to choose among models.
        validates: False if no validation target is ranked.
        what: setting that names the metric, for messages.

    Raises:
        ConfigError: as in `protocol_for` and `check_selection`.
    """
    n_items, partition = len(prepared.catalog), prepared.partition
    protocol = protocol_for(config, n_items, select_by)
    if validates:
        check_selection(
            select_by, prepared.interactions, partition.valid, protocol, n_items, partition.hidden, what=what
        )
    return protocol


def chance(name: str, candidates: NDArray[np.int64]) -> float:
    """Return the expected mean of a metric over targets whose candidates are ranked at random.

    Args:
        name: name of the metric.
        candidates: number of candidates of each target, [T].

    >>> chance("hr@1", np.array([2, 2])), chance("auc", np.array([3]))
    (0.5, 0.5)
    """
    sizes, counts = np.unique(candidates, return_counts=True)
    return float(sum(of * _by_chance(name, int(size)) for size, of in zip(sizes, counts, strict=True)) / counts.sum())


def _by_chance(name: str, size: int) -> float:
    places, nothing = np.arange(size), np.zeros(size, dtype=np.int64)
    standing = Standing(places, nothing, np.full(size, size), np.zeros(size, dtype=bool))
    return float(metric(name, standing).mean())
