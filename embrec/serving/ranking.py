"""Ranking the candidates after histories, by the products and the rule for ties that evaluation has.

An answer must depend on its history and on nothing else. Yet libraries add up the terms of a product in another order where a
matrix has another shape, so that the last bit of a score, and with it the order of items that are equal but for that bit, would
depend on how many other histories are asked for in the same call. So nothing here has a shape that the company decides.
Histories are read in blocks whose width their own length decides, filled up to one of two numbers of rows, in one thread each,
and one by one where a processor is not steady even so; products are made by `Products`, whose bits do not depend on their
block.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import cached_property
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.data.batches import collate
from embrec.data.sequences import Sequences
from embrec.evaluation.best import BestItems, stable_best
from embrec.evaluation.counting import BLOCK_WIDTH, BlockCounter
from embrec.evaluation.ranks import NotCandidates, PairsByItem, Products
from embrec.models.recommender import Recommender as Model
from embrec.threads import single_threads

AT_A_TIME = 256  # histories that are ranked together: one task of one thread
_SMALL, _LARGE = 4, 64  # histories of a block that the model reads, at least and otherwise
_VECTORS = (
    32  # numbers that a processor works on at a time: where a step has a whole multiple of them, no row is a remainder
)
_PROBED = 64  # steps of the widest block that is tried out, to see whether blocks are steady
_NARROWEST = 4  # steps of a block: products of fewer rows depend on where in memory they lie
_FEW = (
    4  # histories for which a look at all scores, to find what is worth an exact one, is cheaper than exact ones of all
)

Task = TypeVar("Task")
Result = TypeVar("Result")


class Ranking:
    """Ranks the candidates of a trained model.

    Args:
        model: reads the histories.
        item_matrix: the vectors of all items, row 0 zero, [n + 1, d].
        max_length: the longest history that the model reads.
        left_out: tensor ids that are no candidates although the model would score them, [any].
    """

    def __init__(
        self, model: Model, item_matrix: Tensor, max_length: int, left_out: NDArray[np.integer] | None = None
    ) -> None:
        self.model = model
        self.item_matrix = item_matrix
        self.max_length = max_length
        self._widths = _widths(max_length)
        self._small, self._large = max(_SMALL, _VECTORS // math.gcd(_VECTORS, model.sequence.out_dim)), _LARGE
        with torch.inference_mode():
            self.factors = model.factors(item_matrix)
        self.scorable = self.factors.scorable.clone()
        if left_out is not None:
            self.scorable[torch.from_numpy(np.asarray(left_out, dtype=np.int64))] = False

        self._never = np.flatnonzero(~self.scorable.numpy())
        if not next(each_alone(lambda _: self._is_steady(), [None])):
            self._small = self._large = 1  # each history alone, wherever it is asked for

    def queries(self, sequences: Sequences, rows: NDArray[np.integer]) -> Tensor:
        """Return the queries after some of the histories, each cut to its last `max_length` events, [R, d]."""
        read = sequences.select(rows, self.max_length)
        width = self._widths[np.searchsorted(self._widths, read.lengths)]
        order = np.argsort(width, kind="stable")
        edges = np.flatnonzero(np.diff(width[order])) + 1
        found = self.factors.items.new_empty(len(rows), self.factors.items.shape[1])
        for alike in np.split(order, edges):
            for block, size in _blocks(alike, self._small, self._large):
                batch = collate(read, np.resize(block, size), int(width[block[0]]))
                found[torch.from_numpy(block)] = self.model.queries(batch, self.item_matrix)[: len(block)]
        return found

    def _is_steady(self) -> bool:
        """Return whether this processor gives a history the same query, to the last bit, in blocks of both sizes and wherever
        it stands in them. Most sizes of models are steady; where rows of odd lengths lie in memory matters to some products.
        """
        generator = np.random.default_rng(0)
        for width in self._widths[self._widths <= _PROBED].tolist():
            items = generator.integers(1, len(self.scorable), (_LARGE, width))
            read = Sequences.from_histories(items - 1)
            rows = np.arange(_LARGE)
            places = generator.permutation(_LARGE)
            expected = self.model.queries(collate(read, rows), self.item_matrix)
            if not torch.equal(self.model.queries(collate(read, places), self.item_matrix), expected[places]):
                return False
            for first in (0, 1, _LARGE // 2 + 1):
                block = np.concatenate([rows[first : first + self._small - 1], [first]])
                if not torch.equal(self.model.queries(collate(read, block), self.item_matrix), expected[block]):
                    return False
        return True

    def best(self, queries: Tensor, excluded: NotCandidates, k: int) -> tuple[Tensor, Tensor]:
        """Return the scores and tensor ids of the best k candidates of each query, best first, both [R, k].

        Among equal scores the item that stands first in the catalog comes first. Where a row has fewer candidates, its scores
        end in -inf and its ids in 0.

        Args:
            queries: of R histories.
            excluded: pairs of row and tensor id that are no candidates.
            k: how many; at most as many as there are items are returned.
        """
        k = min(k, len(self.scorable) - 1)
        if len(queries) <= _FEW:
            parts = [slice(row, row + 1) for row in range(len(queries))]
            found = [self._best_of_one(queries[row], excluded.part(row).item, k) for row in parts]
            return torch.cat([scores for scores, _ in found]), torch.cat([ids for _, ids in found])
        width = min(BLOCK_WIDTH, len(self.scorable) - 1)
        best = BestItems(len(queries), k, BlockCounter(len(queries), width, queries.device))
        for start, block in self.blocks(queries, excluded):
            best.add(block, start)
        return best.scores(), best.ids()

    def blocks(self, queries: Tensor, excluded: NotCandidates, first: int = 1) -> Iterator[tuple[int, Tensor]]:
        """Yield the scores of all tensor ids from `first`, block by block: the first id and [R, W]; -inf for what is no
        candidate. A block is overwritten by the next.
        """
        end = len(self.scorable)
        width = min(BLOCK_WIDTH, max(1, end - 1))
        products = Products(self.factors, len(queries), width)(queries)
        pairs = PairsByItem(excluded.row, excluded.item)
        for start in range(first, end, width):
            stop = min(start + width, end)
            block = products.block(start, stop)
            first_never, last_never = np.searchsorted(self._never, [start, stop])
            if first_never < last_never:
                block.index_fill_(1, torch.from_numpy(self._never[first_never:last_never] - start), -torch.inf)
            block[pairs.between(start, stop)] = -torch.inf
            yield start, block

    def _best_of_one(self, query: Tensor, excluded: NDArray[np.int64], k: int) -> tuple[Tensor, Tensor]:
        """Return what `best` does for one query, [1, d] -> both [1, k]: a product of a matrix and a vector finds the few items
        that can be among the best, and only these get their exact scores.
        """
        rough = (self.factors.items @ query[0])[: len(self.scorable)]
        possible = self.scorable & ~rough.isnan()
        possible[torch.from_numpy(excluded)] = False
        rough = rough.masked_fill(~possible, -torch.inf)
        # Two sums of the same d terms in different orders differ by less than this; four times, for both ends of a comparison.
        slack = len(query[0]) * 2.0**-21 * float(query.norm()) * self._longest
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


def excluded_items(sequences: Sequences, rows: NDArray[np.integer], exclude_seen: bool) -> NotCandidates:
    """Return the distinct items of some of the histories, whole as they are, each with the place of its row; or none."""
    if not exclude_seen:
        return NotCandidates(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    lengths = sequences.lengths[rows]
    whole = sequences.select(rows, int(lengths.max(initial=0)))
    items = whole.items.astype(np.int64)
    beyond = int(items.max(initial=0)) + 1
    pairs = np.unique(np.repeat(np.arange(len(rows)), lengths) * beyond + items)
    return NotCandidates(pairs // beyond, pairs % beyond)


def parts_of(rows: NDArray[np.integer]) -> list[NDArray[np.integer]]:
    """Return rows in the parts that are ranked together."""
    return [rows[start : start + AT_A_TIME] for start in range(0, len(rows), AT_A_TIME)]


def each_alone(work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
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


def _widths(longest: int) -> NDArray[np.int64]:
    """Return the widths that histories are padded to, rising by a third or a half up to the longest.

    >>> _widths(10).tolist()
    [4, 6, 8, 10]
    """
    steps = sorted(step for power in range(2, 62) for step in (2**power, 3 * 2 ** (power - 1)))
    return np.array([*(step for step in steps if step < longest), max(longest, _NARROWEST)])
