"""How much of the catalog is recommended after few and after many events, after [semikin2019] Fig. 10.

More targets show more of a catalog, so the same number of them is drawn after every number of events, many times over. The
paper draws with replacement, as a bootstrap does. Where targets are few, such a draw holds many of them twice and so fewer
different lists: coverage then falls with the number of targets, whatever the model does. Here a draw is without replacement,
of half the targets of the rarest length, so that it varies at every length; the way of [semikin2019] is there to compare.
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
from embrec.progress import Progress, silent
from embrec.report.analyses.files import ranges
from embrec.report.analyses.prefixes.measure import LONGEST

FEWEST = 100  # targets that a length needs: all lengths are judged by as few as the rarest has
RESAMPLES = 1000  # as [semikin2019]

_BLOCK = 1 << 24  # flags of drawn targets or items that are held at a time: 16 MB, or 128 MB of keys


@dataclass(frozen=True)
class CatalogShare:
    """A share of the catalog over many draws: their mean, and what 95 % of them lie between."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Length:
    """The targets after one number of events.

    Attributes:
        events: before the target.
        targets: how many there are.
        recommended: of the catalog in the lists of the drawn targets.
        context: of the catalog that their last events were on.
    """

    events: int
    targets: int
    recommended: CatalogShare
    context: CatalogShare


@dataclass(frozen=True)
class Coverage:
    """How much of a catalog drawn targets show.

    Attributes:
        lengths: by the number of events before the targets.
        left_out: events before the target -> targets, too few to draw from.
        longer: targets after more events than were asked for.
        drawn: targets in a draw.
        k: items of a list.
        items: in the catalog.
        resamples: draws.
        replaced: whether a draw may hold a target twice.
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
        """Say what a reader of the curve should know."""
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
    fewest: int = FEWEST,
    progress: Progress = silent,
) -> Coverage:
    """Return the coverage of recommended and of context items, by the number of events before the target.

    Args:
        evaluation: of the targets, with lists of k or more.
        interactions: the log.
        n_items: the size of the catalog.
        k: items of a list.
        longest: the most events before a target.
        resamples: draws at each length.
        replace: draw with replacement, as many targets as the rarest length has.
        seed: of the draws.
        fewest: targets that a length needs.
        progress: told of every length.

    Raises:
        ConfigError: no length has enough targets.
        ValueError: the evaluation kept no lists, or shorter ones.
    """
    if evaluation.top is None or evaluation.top.shape[1] < k:
        raise ValueError(f"the evaluation has no lists of {k}: evaluate with keep={k}")
    events = interactions.position[evaluation.event]
    asked = (events > 0) & (events <= longest)
    values, counts = np.unique(events[asked], return_counts=True)
    enough = counts >= fewest
    if not enough.any():
        most = (
            f"the most are {counts.max():,} after {values[counts.argmax()]} events" if len(counts) else "there are none"
        )
        raise ConfigError(
            f"no number of events from 1 to {longest} has {fewest} targets after it ({most}); try another split"
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
        drawn, k, n_items, resamples, replace,
    )  # fmt: skip


def drawings(
    total: int, size: int, resamples: int, replace: bool, generator: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Yield draws of `size` of `total` things, some draws at a time, [R, size].

    Without replacement: the places of the smallest of random keys, one for each thing.
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
    """Return how many different ids the rows of each draw hold, [R].

    >>> distinct(np.array([[1, 2], [2, 3], [5, 0]]), np.array([[0, 1], [0, 0], [0, 2]]))
    array([3, 2, 3])

    Args:
        ids: of each row, 0 where there is none, [rows, k].
        draws: rows that are drawn, [R, size].
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
    """Return a row for each number of events."""
    between = f"{CONFIDENCE:.0%} of draws"
    columns = ["events before", "targets", f"recommended@{found.k}", between, "context", between]
    rows = [
        [str(one.events), f"{one.targets:,}", *_cells(one.recommended), *_cells(one.context)] for one in found.lengths
    ]
    return Table("", columns, rows)


def drawn_words(found: Coverage) -> str:
    """Say what a draw is."""
    how = "with" if found.replaced else "without"
    return f"{found.resamples:,} draws of {found.drawn:,} targets {how} replacement at each length"


def _cells(share: CatalogShare) -> list[str]:
    return [f"{share.mean:.3%}", f"{share.low:.3%} to {share.high:.3%}"]


def _share(values: NDArray[np.float64]) -> CatalogShare:
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return CatalogShare(float(values.mean()), float(low), float(high))
