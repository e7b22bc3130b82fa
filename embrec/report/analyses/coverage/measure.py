"""Catalog coverage of the recommendations by the number of events before the target, after [semikin2019] Fig. 10.

The lists of more targets cover more of a catalog. For a fair comparison, the same number of targets is therefore drawn at
every length, many times. The paper draws with replacement, as a bootstrap does. If a length has few targets, such a draw
contains many of them twice and thus fewer different lists: coverage then falls with the number of targets, whatever the model
does. Here a draw is without replacement and takes half the targets of the rarest length, so that draws differ at every
length. The draw of the paper is available with `replace=True`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embrec.comparisons.measurements import CONFIDENCE
from embrec.comparisons.tables import Table
from embrec.data.interactions import Interactions
from embrec.errors import ConfigError
from embrec.evaluation.evaluator import Evaluation
from embrec.parameters import call
from embrec.progress import Progress, silent
from embrec.report.analyses.files import ranges
from embrec.report.analyses.prefixes.measure import LONGEST

FEWEST = 100  # targets that a length needs; the rarest length sets the size of all draws
RESAMPLES = 1000  # as [semikin2019]

_BLOCK = 1 << 24  # flags in memory at a time: 16 MB, or 128 MB of sort keys


@dataclass(frozen=True)
class CatalogShare:
    """A share of the catalog over many draws: the mean, and the bounds of the central 95 % of the draws."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Length:
    """The targets after one number of events.

    Attributes:
        events: number of events before the target.
        targets: number of targets.
        recommended: share of the catalog in the lists of the drawn targets.
        context: share of the catalog among the last items before the drawn targets.
    """

    events: int
    targets: int
    recommended: CatalogShare
    context: CatalogShare


@dataclass(frozen=True)
class Coverage:
    """Catalog coverage at each length.

    Attributes:
        lengths: results by the number of events before the target.
        left_out: events before the target -> number of targets, for lengths with too few targets.
        longer: number of targets with more events before them than the longest length.
        drawn: number of targets in a draw.
        k: length of a list.
        items: number of items in the catalog.
        resamples: number of draws at each length.
        replaced: True if a draw may contain a target twice.
    """

    lengths: Sequence[Length]
    left_out: Mapping[int, int]
    longer: int
    drawn: int
    k: int
    items: int
    resamples: int
    replaced: bool

    def notes(self) -> list[str]:
        """Return remarks for readers of the curve."""
        notes = []
        if self.left_out:
            notes.append(f"fewer than {FEWEST} targets each, so left out: after {ranges(list(self.left_out))} events")
        if self.longer:
            notes.append(f"{self.longer:,} targets after more events are left out")
        return notes


def by_length(
    evaluation: Evaluation,
    interactions: Interactions,
    n_items: int,
    *,
    k: int = 10,
    longest: int = LONGEST,
    resamples: int = RESAMPLES,
    replace: bool = False,
    seed: int = 0,
    progress: Progress = silent,
) -> Coverage:
    """Return the coverage of recommended and of context items by the number of events before the target.

    Args:
        evaluation: evaluation of the targets, with lists of `k` or more items.
        interactions: the log.
        n_items: size of the catalog.
        k: length of a list.
        longest: largest number of events before a target.
        resamples: number of draws at each length.
        replace: True to draw with replacement, as many targets as the rarest length has.
        seed: seed of the draws.
        progress: callback, called after each length.

    Raises:
        ConfigError: no length has enough targets.
        ValueError: the evaluation kept no lists, or shorter ones.
    """
    if evaluation.top is None or evaluation.top.shape[1] < k:
        raise ValueError(f"the evaluation has no lists of {k}: evaluate with keep={k}")
    events = interactions.position[evaluation.event]
    within = (events > 0) & (events <= longest)
    values, counts = np.unique(events[within], return_counts=True)
    enough = counts >= FEWEST
    if not enough.any():
        most = (
            f"the most are {counts.max():,} after {values[counts.argmax()]} events" if len(counts) else "there are none"
        )
        raise ConfigError(
            f"no number of events from 1 to {longest} has {FEWEST} targets after it ({most}); "
            f"train on a split with more targets at each, such as {call('UserHoldout')}"
        )
    drawn = int(counts[enough].min()) // (1 if replace else 2)
    generator = np.random.default_rng(seed)
    lengths = []
    for done, (length, count) in enumerate(zip(values[enough].tolist(), counts[enough].tolist(), strict=True), start=1):
        rows = np.flatnonzero(events == length)
        lists = evaluation.top[rows, :k].astype(np.int64)  # [targets, k]
        context = interactions.item[evaluation.event[rows] - 1].astype(np.int64)[:, None] + 1  # [targets, 1]
        shares = [
            (distinct(lists, draws) / n_items, distinct(context, draws) / n_items)
            for draws in drawings(len(rows), drawn, resamples, replace, generator)
        ]
        recommended, of_context = (np.concatenate(parts) for parts in zip(*shares, strict=True))
        lengths.append(Length(length, count, _share(recommended), _share(of_context)))
        progress("draw", done, int(enough.sum()))
    return Coverage(
        lengths,
        dict(zip(values[~enough].tolist(), counts[~enough].tolist(), strict=True)),
        int((events > longest).sum()),
        drawn,
        k,
        n_items,
        resamples,
        replace,
    )


def drawings(
    total: int, size: int, resamples: int, replace: bool, generator: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Yield blocks of draws of `size` numbers below `total`, [R, size] each.

    A draw without replacement consists of the positions of the `size` smallest of `total` random keys.
    """
    block = max(1, _BLOCK // max(total, size))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        if replace:
            yield generator.integers(total, size=(rows, size))
        elif size == total:
            yield np.broadcast_to(np.arange(total), (rows, total))
        else:
            keys = generator.random((rows, total), dtype=np.float32).view(np.uint32).astype(np.uint64)
            keys = keys << np.uint64(32) | np.arange(
                total, dtype=np.uint64
            )  # of equal keys the first: no two are equal
            smallest = np.partition(keys, size, axis=1)[:, :size] & np.uint64(2**32 - 1)
            yield np.sort(smallest, axis=1).astype(np.int64)  # the order of a partition differs by processor


def distinct(ids: NDArray[np.int64], draws: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of distinct ids in the rows of each draw, [R].

    >>> distinct(np.array([[1, 2], [2, 3], [5, 0]]), np.array([[0, 1], [0, 0], [0, 2]]))
    array([3, 2, 3])

    Args:
        ids: ids of each row, padded with 0, [rows, k].
        draws: drawn rows, [R, size].
    """
    names, compact = np.unique(ids, return_inverse=True)
    compact = compact.reshape(ids.shape)
    counts = np.empty(len(draws), dtype=np.int64)
    block = max(1, _BLOCK // max(len(names), draws.shape[1] * ids.shape[1]))
    for start in range(0, len(draws), block):
        some = draws[start : start + block]
        held = np.zeros((len(some), len(names)), dtype=bool)
        held[np.arange(len(some))[:, None], compact[some].reshape(len(some), -1)] = True
        counts[start : start + block] = held[:, names > 0].sum(axis=1)
    return counts


def table(found: Coverage) -> Table:
    """Return a table with a row for each number of events."""
    between = f"{CONFIDENCE:.0%} of draws"
    columns = ["events before", "targets", f"recommended@{found.k}", between, "context", between]
    rows = [
        [str(one.events), f"{one.targets:,}", *_cells(one.recommended), *_cells(one.context)] for one in found.lengths
    ]
    return Table("", columns, rows)


def drawn_words(found: Coverage) -> str:
    """Return a description of the draws."""
    how = "with" if found.replaced else "without"
    return f"{found.resamples:,} draws of {found.drawn:,} targets {how} replacement at each length"


def _cells(share: CatalogShare) -> list[str]:
    return [f"{share.mean:.3%}", f"{share.low:.3%} to {share.high:.3%}"]


def _share(values: NDArray[np.float64]) -> CatalogShare:
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return CatalogShare(float(values.mean()), float(low), float(high))
