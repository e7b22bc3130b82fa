"""Ranking the candidates after histories, with the products and the rule for ties of evaluation.

An answer depends on its history and on nothing else. Yet libraries add up the terms of a product in another order where a
matrix has another shape, so that the last bit of a score, and with it the order of items that are equal but for that bit, would
depend on how many other histories are asked for in the same call. So no shape here depends on the other histories of a call.
Histories are read in blocks whose width their own length decides, filled up to one of two numbers of rows, in one thread each,
and one by one on processors where the bits of a query still depend on its block; products are made by `Products`, whose bits
do not depend on their block.
"""

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from embrec.data.batches import Batch, collate
from embrec.data.sequences import Sequences
from embrec.evaluation.block_counts import BLOCK_WIDTH, BlockCounter
from embrec.evaluation.ranks import BatchScores, NotCandidates, PairsByItem, Products, WholeScores
from embrec.evaluation.top_k import BestItems, stable_best
from embrec.models.factors import Queries
from embrec.models.interface import SequenceModel
from embrec.threads import single_threads

_SMALL, _LARGE = 4, 64  # histories of a block that the model reads, at least and otherwise
# Numbers that a processor works on at a time: where a step has a whole multiple of them, no row is a remainder.
_VECTORS = 32
_PROBED = 64  # steps of the widest block that is tried out, to see whether blocks are steady
_NARROWEST = 4  # steps of a block: products of fewer rows depend on where in memory they lie
# Histories for which a look at all scores, to find what is worth an exact one, is cheaper than exact ones of all.
_FEW = 4

Task = TypeVar("Task")
Result = TypeVar("Result")


class CandidateRanking(ABC):
    """Ranks the candidates of a model after histories.

    Args:
        model: reads the histories.
        scorable: True for the tensor ids that the model scores, [n + 1].
        max_length: the longest history that the model reads.
        left_out: tensor ids that are no candidates although the model would score them, [any].
        context: names of the context columns that the model reads.
    """

    at_a_time = 256  # histories that are ranked together: one task of one thread

    def __init__(
        self,
        model: SequenceModel,
        scorable: Tensor,
        max_length: int,
        left_out: NDArray[np.integer] | None = None,
        context: Sequence[str] = (),
    ) -> None:
        self.model = model
        self.context = tuple(context)
        self.max_length = max_length
        self.scorable = scorable.clone()
        if left_out is not None:
            self.scorable[torch.from_numpy(np.asarray(left_out, dtype=np.int64))] = False
        self._widths = padded_widths(max_length)
        self._never = np.flatnonzero(~self.scorable.numpy())

    @abstractmethod
    def queries(self, sequences: Sequences, rows: NDArray[np.integer]) -> Any:
        """Return what `best` and `blocks` read of some of the histories, each cut to its last `max_length` events."""

    @abstractmethod
    def _scores(self, queries: Any, width: int) -> BatchScores:
        """Return the scores of histories, in blocks of at most `width` tensor ids."""

    def parts(self, rows: NDArray[np.integer]) -> list[NDArray[np.integer]]:
        """Return rows in the parts that are ranked together."""
        return [rows[start : start + self.at_a_time] for start in range(0, len(rows), self.at_a_time)]

    def best(self, queries: Any, excluded: NotCandidates, k: int) -> tuple[Tensor, Tensor]:
        """Return the scores and tensor ids of the best k candidates of each history, best first, both [R, k].

        Among equal scores the item that stands first in the catalog comes first. Where a row has fewer candidates, its scores
        end in -inf and its ids in 0.

        Args:
            queries: queries of R histories, as `queries` returns them.
            excluded: pairs of row and tensor id that are no candidates.
            k: number of candidates; at most as many as there are items are returned.
        """
        k = min(k, len(self.scorable) - 1)
        width = min(BLOCK_WIDTH, len(self.scorable) - 1)
        best = BestItems(len(queries), k, BlockCounter(len(queries), width, self.scorable.device))
        for start, block in self.blocks(queries, excluded):
            best.add(block, start)
        return best.scores(), best.ids()

    def blocks(self, queries: Any, excluded: NotCandidates, first: int = 1) -> Iterator[tuple[int, Tensor]]:
        """Yield the scores of all tensor ids from `first`, block by block: the first id and [R, W]; -inf for what is no
        candidate. A block is overwritten by the next.
        """
        end = len(self.scorable)
        width = min(BLOCK_WIDTH, max(1, end - 1))
        scores = self._scores(queries, width)
        pairs = PairsByItem(excluded.row, excluded.item)
        for start in range(first, end, width):
            stop = min(start + width, end)
            block = scores.block(start, stop)
            first_never, last_never = np.searchsorted(self._never, [start, stop])
            if first_never < last_never:
                block.index_fill_(1, torch.from_numpy(self._never[first_never:last_never] - start), -torch.inf)
            block[pairs.between(start, stop)] = -torch.inf
            yield start, block

    def _read(self, sequences: Sequences, rows: NDArray[np.integer]) -> tuple[Sequences, NDArray[np.int64]]:
        """Return some of the histories, cut, and the width that each is padded to."""
        read = sequences.select(rows, self.max_length)
        return read, self._widths[np.searchsorted(self._widths, read.lengths)]


class Ranking(CandidateRanking):
    """Ranks the candidates of a model whose scores are sums of products.

    Args:
        model: reads the histories.
        max_length: the longest history that the model reads.
        left_out: tensor ids that are no candidates although the model would score them, [any].
        context: names of the context columns that the model reads.
    """

    def __init__(
        self,
        model: SequenceModel,
        max_length: int,
        left_out: NDArray[np.integer] | None = None,
        context: Sequence[str] = (),
    ) -> None:
        with torch.inference_mode():
            model = model.cached()
            factors = model.factors()
        if factors is None:
            raise ValueError("the scores of the model are no sums of products")
        super().__init__(model, factors.scorable, max_length, left_out, context)
        self.factors = factors
        # The state of a sequence encoder decides in which sizes its products are steady.
        dim = getattr(getattr(model, "sequence", None), "out_dim", max(1, factors.items.shape[1]))
        self._small, self._large = max(_SMALL, _VECTORS // math.gcd(_VECTORS, dim)), _LARGE
        if not next(map_single_threaded(lambda _: self._is_steady(), [None])):
            self._small = self._large = 1  # each history alone, wherever it is asked for

    def queries(self, sequences: Sequences, rows: NDArray[np.integer]) -> Queries:
        """Return the queries after some of the histories, R of them; see `CandidateRanking`."""
        read, width = self._read(sequences, rows)
        order = np.argsort(width, kind="stable")
        edges = np.flatnonzero(np.diff(width[order])) + 1
        places: list[NDArray[np.integer]] = [order[:0]]
        found = [self._no_queries()]
        for alike in np.split(order, edges):
            for block, size in _blocks(alike, self._small, self._large):
                batch = collate(read, np.resize(block, size), int(width[block[0]]))
                found.append(self.model.queries(batch).select(slice(0, len(block))))
                places.append(block)
        return Queries.joined(found).select(np.argsort(np.concatenate(places)))

    def _no_queries(self) -> Queries:
        sparse = tuple(csr_matrix((0, part.matrix.shape[0]), dtype=np.float32) for part in self.factors.sparse)
        return Queries(self.factors.items[:0], sparse)

    def _is_steady(self) -> bool:
        """Return True if this processor gives a history the same query, to the last bit, in blocks of both sizes and wherever
        it stands in them. Most sizes of models are steady; where rows of odd lengths lie in memory matters to some products.
        """
        generator = np.random.default_rng(0)
        for width in self._widths[self._widths <= _PROBED].tolist():
            items = generator.integers(1, len(self.scorable), (_LARGE, width))
            read = Sequences.from_histories(items - 1, context=dict.fromkeys(self.context, items))
            rows = np.arange(_LARGE)
            places = generator.permutation(_LARGE)
            expected = self._dense(collate(read, rows))
            if not torch.equal(self._dense(collate(read, places)), expected[places]):
                return False
            for first in (0, 1, _LARGE // 2 + 1):
                block = np.concatenate([rows[first : first + self._small - 1], [first]])
                if not torch.equal(self._dense(collate(read, block)), expected[block]):
                    return False
        return True

    def _dense(self, batch: Batch) -> Tensor:
        return self.model.queries(batch).dense

    def _scores(self, queries: Queries, width: int) -> Products:
        return Products(self.factors, len(queries), width)(queries)

    def best(self, queries: Queries, excluded: NotCandidates, k: int) -> tuple[Tensor, Tensor]:
        """Return the scores and tensor ids of the best k candidates of each query; see `CandidateRanking.best`."""
        if len(queries) > _FEW:
            return super().best(queries, excluded, k)
        k = min(k, len(self.scorable) - 1)
        parts = [slice(row, row + 1) for row in range(len(queries))]
        found = [self._best_of_one(queries.select(row), excluded.part(row).item, k) for row in parts]
        return torch.cat([scores for scores, _ in found]), torch.cat([ids for _, ids in found])

    def _best_of_one(self, query: Queries, excluded: NDArray[np.int64], k: int) -> tuple[Tensor, Tensor]:
        """Return what `best` does for one query, both [1, k]: a product of a matrix and a vector finds the few items that can
        be among the best, and only these get their exact scores.
        """
        dense = query.dense[0]
        rough = self.factors.items @ dense
        # Two sums of the same d terms in different orders differ by less than this; four times, for both ends of a comparison.
        slack = len(dense) * 2.0**-21 * float(query.dense.norm()) * self._longest
        if query.sparse:
            for part, of_query in zip(self.factors.sparse, query.sparse, strict=True):
                part.add_block(rough[None], of_query, 0)
            # The sparse terms are added to it in the same order, but each sum is rounded.
            terms = 1 + sum(of_query.nnz for of_query in query.sparse)
            slack += terms * 2.0**-21 * float(rough.nan_to_num(0, 0, 0).abs().max())
        rough = rough[: len(self.scorable)]
        possible = self.scorable & ~rough.isnan()
        possible[torch.from_numpy(excluded)] = False
        rough = rough.masked_fill(~possible, -torch.inf)
        floor = float(rough.topk(k).values[-1]) - slack
        if np.isfinite(floor):
            possible &= rough >= floor
        ids = possible.nonzero()[:, 0]
        scores = Products(self.factors, 1, 1)(query).among(ids)
        scores = scores.masked_fill(scores.isnan(), -torch.inf)
        order = stable_best(scores, k)
        best = scores.gather(1, order)
        found = ids[order].masked_fill(best == -torch.inf, 0)
        missing = k - found.shape[1]
        pad = torch.nn.functional.pad
        return pad(best, (0, missing), value=-torch.inf), pad(found, (0, missing))

    @cached_property
    def _longest(self) -> float:
        """The largest length of an item's vector."""
        return float(self.factors.items.norm(dim=1).max())


class WholeRanking(CandidateRanking):
    """Ranks the candidates of a model whose scores are no sums of products: it scores the catalog for each history alone.

    Args:
        model: reads the histories.
        n_items: size of the catalog, n.
        max_length: the longest history that the model reads.
        left_out: tensor ids that are no candidates although the model would score them, [any].
        context: names of the context columns that the model reads.
    """

    at_a_time = 16  # whose scores of the whole catalog are held at a time

    def __init__(
        self,
        model: SequenceModel,
        n_items: int,
        max_length: int,
        left_out: NDArray[np.integer] | None = None,
        context: Sequence[str] = (),
    ) -> None:
        with torch.inference_mode():
            model = model.cached()
        scorable = torch.ones(n_items + 1, dtype=torch.bool)
        scorable[0] = False
        super().__init__(model, scorable, max_length, left_out, context)

    def queries(self, sequences: Sequences, rows: NDArray[np.integer]) -> Tensor:
        """Return the scores of the whole catalog after some of the histories, [R, n + 1]."""
        read, width = self._read(sequences, rows)
        found = torch.empty(len(rows), len(self.scorable))
        for row in range(len(rows)):
            found[row] = self.model.score(collate(read, np.array([row]), int(width[row])))[0].float()
        return found

    def _scores(self, queries: Tensor, width: int) -> WholeScores:
        return WholeScores(queries)


def make_ranking(
    model: SequenceModel,
    n_items: int,
    max_length: int,
    left_out: NDArray[np.integer] | None = None,
    context: Sequence[str] = (),
) -> CandidateRanking:
    """Return the ranking that fits a model; the arguments are those of `WholeRanking`."""
    with torch.inference_mode():
        products = model.factors() is not None
    if products:
        return Ranking(model, max_length, left_out, context)
    return WholeRanking(model, n_items, max_length, left_out, context)


def excluded_items(sequences: Sequences, rows: NDArray[np.integer], exclude_seen: bool) -> NotCandidates:
    """Return the distinct items of some of the histories, whole as they are, each with the place of its row; or none."""
    if not exclude_seen:
        return NotCandidates.none()
    lengths = sequences.lengths[rows]
    whole = sequences.select(rows, int(lengths.max(initial=0)))
    items = whole.items.astype(np.int64)
    beyond = int(items.max(initial=0)) + 1
    pairs = np.unique(np.repeat(np.arange(len(rows)), lengths) * beyond + items)
    return NotCandidates(pairs // beyond, pairs % beyond)


def map_single_threaded(work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """Yield the results of tasks in their order, each worked on by one thread, with as many at once as torch has threads.

    One thread each, so that an answer does not depend on the number of threads; see `embrec.threads`.
    """

    @torch.inference_mode()  # which other threads do not inherit
    def alone(task: Task) -> Result:
        return work(task)

    at_once = torch.get_num_threads()
    if at_once == 1:
        yield from map(alone, tasks)
        return
    waiting: deque[Future[Result]] = deque()
    try:
        for task in tasks:
            waiting.append(single_threads().submit(alone, task))
            if len(waiting) > at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for task_ahead in waiting:
            task_ahead.cancel()


def _blocks(rows: NDArray[np.integer], small: int, large: int) -> Iterator[tuple[NDArray[np.integer], int]]:
    """Yield rows in blocks, and how many each is to be filled up to: large ones, and small ones for the last few."""
    start = 0
    while start < len(rows):
        size = large if len(rows) - start > 3 * small else small
        yield rows[start : start + size], size
        start += size


def padded_widths(longest: int) -> NDArray[np.int64]:
    """Return the widths that histories are padded to, rising by a third or a half up to the longest.

    >>> padded_widths(10).tolist()
    [4, 6, 8, 10]
    """
    steps = sorted(step for power in range(2, 62) for step in (2**power, 3 * 2 ** (power - 1)))
    return np.array([*(step for step in steps if step < longest), max(longest, _NARROWEST)])
