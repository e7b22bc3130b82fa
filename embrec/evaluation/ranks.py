"""Ranks of targets among their candidates, by counting the higher scores block by block, without a sort or a matrix of users by
items.

The least possible work is the product of queries and items in the same blocks. A rank takes two more comparisons of each score,
and the best k take one.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from embrec.evaluation.block_counts import BLOCK_WIDTH, BlockCounter
from embrec.evaluation.top_k import BestItems
from embrec.models.factors import Factors, Queries
from embrec.threads import single_threads

Ties = Literal["mean", "optimistic", "pessimistic"]

_WIDTH_ON_GPU = 1 << 16
_AT_LEAST = 64  # rows and columns of a product
_SHARE_OF_TIES: dict[Ties, float] = {"mean": 0.5, "optimistic": 0.0, "pessimistic": 1.0}


@dataclass(frozen=True)
class Standing:
    """The place of each of T targets among its candidates.

    Attributes:
        greater: candidates with a higher score, [T].
        tied: other candidates with the same score, [T].
        candidates: number of ranked candidates, the target among them, [T].
        undefined: True where the target's score is not a number; it then stands behind all others, [T].
    """

    greater: NDArray[np.int64]
    tied: NDArray[np.int64]
    candidates: NDArray[np.int64]
    undefined: NDArray[np.bool_]

    def rank(self, ties: Ties = "mean") -> NDArray[np.float64]:
        """Return ranks from 1, [T]: greater + 1, and beside it half the tied (mean), none (optimistic) or all (pessimistic)."""
        return self.greater + self.tied * _SHARE_OF_TIES[ties] + 1


class NotCandidates(NamedTuple):
    """Pairs of batch row and tensor id that are no candidates, each pair once and none of them a row's target; both [P]."""

    row: NDArray[np.int64]
    item: NDArray[np.int64]

    @classmethod
    def none(cls) -> "NotCandidates":
        """Return no pairs: all items are candidates."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    def part(self, rows: slice) -> "NotCandidates":
        """Return the pairs of some rows, which are counted from the first of them."""
        within = (self.row >= rows.start) & (self.row < rows.stop)
        return NotCandidates(self.row[within] - rows.start, self.item[within])


class Pool:
    """Counts the candidates of targets.

    Args:
        candidate: True for the tensor ids that are ranked, [n + 1]; the padding must be False.
        since: time from which each id is a candidate, for candidates that are seen so far, [n + 1].
    """

    def __init__(self, candidate: NDArray[np.bool_], since: NDArray[np.int64] | None = None) -> None:
        self._candidate = candidate
        self._since = since
        self._dates = None if since is None else np.sort(since[candidate])

    def sizes(
        self, targets: NDArray[np.int64], excluded: NotCandidates, time: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Return the candidates of each row, its target always among them, [B].

        Args:
            targets: tensor ids, [B].
            excluded: pairs that are no candidates.
            time: when each target is asked for, [B]; needed with `since`.
        """
        count = np.full(len(targets), int(self._candidate.sum()), dtype=np.int64)
        is_candidate = self._candidate[targets]
        valid = self._candidate[excluded.item]
        if self._since is not None and self._dates is not None and time is not None:
            count = np.searchsorted(self._dates, time, side="right").astype(np.int64)
            is_candidate = is_candidate & (self._since[targets] <= time)
            valid = valid & (self._since[excluded.item] <= time[excluded.row])
        count -= np.bincount(excluded.row[valid], minlength=len(targets))
        count += ~is_candidate
        return count


class BatchScores(Protocol):
    """The scores of a batch of histories, in parts."""

    def block(self, start: int, stop: int) -> Tensor:
        """Return the scores of the tensor ids from `start` to before `stop`, [B, stop - start], for the caller to overwrite."""
        ...

    def of(self, ids: Tensor) -> Tensor:
        """Return the score of one id in each row, [B] -> [B]."""
        ...

    def part(self, rows: slice) -> "BatchScores":
        """Return the scores of some rows, which may be read beside those of others."""
        ...


class Products:
    """Scores that are sums of products, made a block at a time in one buffer.

    Items with the same vector must tie to the last bit, in whichever block they are and beside whichever batch. Libraries
    add up the terms of a product in another order where a matrix is small (MKL: with fewer than 16 rows or columns), so
    no smaller ones are multiplied here than `_AT_LEAST`. Sparse products are added to the dense ones in place.

    Args:
        factors: the catalog's factor of the scores.
        rows: most rows of a batch.
        width: most columns of a block.
    """

    def __init__(self, factors: Factors, rows: int, width: int) -> None:
        self.items = _at_least(factors.items)
        self.sparse = factors.sparse
        self._room = max(width, _AT_LEAST)  # for each row
        self._buffer = self.items.new_empty(max(rows, _AT_LEAST) * self._room)
        self._queries = Queries(self.items[:0])
        self._dense = self.items[:0]

    def __call__(self, queries: Queries) -> "Products":
        """Take the queries of the next batch, B of them."""
        self._queries, self._dense = queries, _at_least(queries.dense)
        return self

    def part(self, rows: slice) -> "Products":
        """Return the products of some rows, in their part of the buffer; see `BatchScores`."""
        part = copy(self)
        part._buffer = self._buffer[rows.start * self._room :]
        return part(self._queries.select(rows))

    def block(self, start: int, stop: int) -> Tensor:
        """Return the products with some of the items; see `BatchScores`."""
        first = max(0, min(start, stop - _AT_LEAST))
        last = max(stop, first + _AT_LEAST)
        out = self._buffer[: len(self._dense) * (last - first)].view(len(self._dense), last - first)
        torch.mm(self._dense, self.items[first:last].T, out=out)
        scores = out[: len(self._queries), start - first : stop - first]
        for part, query in zip(self.sparse, self._queries.sparse, strict=True):
            part.add_block(scores, query, start)
        return scores

    def of(self, ids: Tensor) -> Tensor:
        """Return one score per row: the dense product is the diagonal of a product of matrices, made as the blocks are."""
        return self._with_sparse(self._products(ids).diagonal()[:, None], ids[:, None])[:, 0]

    def among(self, ids: Tensor) -> Tensor:
        """Return the scores of any items, [C] -> [B, C], each the same to the last bit as in a block."""
        return self._with_sparse(self._products(ids), ids.expand(len(self._queries), -1))

    def _products(self, ids: Tensor) -> Tensor:
        return (self._dense @ _at_least(self.items[ids]).T)[: len(self._queries), : len(ids)]

    def _with_sparse(self, scores: Tensor, ids: Tensor) -> Tensor:
        if self.sparse:
            scores = scores.contiguous()
        for part, query in zip(self.sparse, self._queries.sparse, strict=True):
            part.add_at(scores, query, ids)
        return scores


def _at_least(vectors: Tensor) -> Tensor:
    """Return vectors [k, d] with rows of zeros behind them if they are few; others as they are, for a catalog is large."""
    return vectors if len(vectors) >= _AT_LEAST else F.pad(vectors, (0, 0, 0, _AT_LEAST - len(vectors)))


class WholeScores:
    """Scores of the whole catalog that a model makes at once, [B, n + 1]."""

    def __init__(self, scores: Tensor) -> None:
        self.scores = scores.float()

    def block(self, start: int, stop: int) -> Tensor:
        """Return a copy of some columns; see `BatchScores`."""
        return self.scores[:, start:stop].clone(memory_format=torch.contiguous_format)

    def of(self, ids: Tensor) -> Tensor:
        """Return one score per row."""
        return self.scores.gather(1, ids[:, None])[:, 0]

    def part(self, rows: slice) -> "WholeScores":
        """Return the scores of some rows."""
        return WholeScores(self.scores[rows])


class CatalogScan:
    """Walks through the catalog once for each batch: counts what stands above the targets, and keeps the best.

    Args:
        candidate: True for the tensor ids that are ranked, [n + 1]; the padding must be False.
        scorable: False for those that the model ranks last, all alike, [n + 1].
        rows: most rows of a batch.
        device: device of the scores.
        since: time from which each id is a candidate, for candidates that are seen so far, [n + 1].
    """

    def __init__(
        self,
        candidate: NDArray[np.bool_],
        scorable: NDArray[np.bool_],
        rows: int,
        device: torch.device,
        since: NDArray[np.int64] | None = None,
    ) -> None:
        self.device = device
        self.candidate = candidate
        self.scorable = scorable
        self.width = min(BLOCK_WIDTH if device.type == "cpu" else _WIDTH_ON_GPU, max(1, len(candidate) - 1))
        self._rows = rows
        self._counters: dict[int, BlockCounter] = {}
        self._since = since if since is None else torch.from_numpy(since).to(device)
        self._pool = Pool(candidate, since)
        self._unscored = [self._columns(~scorable & candidate, block) for block in self._blocks()]
        self._absent = [self._columns(~candidate, block) for block in self._blocks()]

    def _blocks(self) -> Iterator[tuple[int, int]]:
        for start in range(1, len(self.candidate), self.width):
            yield start, min(start + self.width, len(self.candidate))

    def _columns(self, which: NDArray[np.bool_], block: tuple[int, int]) -> Tensor:
        return torch.from_numpy(np.flatnonzero(which[slice(*block)])).to(self.device)

    def __call__(
        self,
        scores: BatchScores,
        targets: NDArray[np.int64],
        excluded: NotCandidates,
        *,
        time: NDArray[np.int64] | None = None,
        keep: int = 0,
    ) -> tuple[Standing, NDArray[np.int32] | None]:
        """Rank each row's target, which always is a candidate.

        Args:
            scores: scores of the batch.
            targets: tensor ids, [B].
            excluded: pairs that are no candidates.
            time: when each target is asked for, [B]; needed with `since`.
            keep: number of best candidates to return.

        Returns:
            The standing of the targets, and the best tensor ids, [B, keep], 0 where there are fewer; None if none are kept.
        """
        parts = _parts(len(targets)) if self.device.type == "cpu" else [slice(0, len(targets))]
        asked = [
            (
                place,
                scores.part(rows),
                targets[rows],
                excluded.part(rows),
                None if time is None else time[rows],
                keep,
            )
            for place, rows in enumerate(parts)
        ]
        if self.device.type != "cpu" or torch.get_num_threads() == 1:
            return self._scan(*asked[0])
        found = [task.result() for task in [single_threads().submit(self._scan, *part) for part in asked]]
        standing = Standing(
            *(np.concatenate([getattr(one, name) for one, _ in found]) for name in Standing.__dataclass_fields__)
        )
        tops = [top for _, top in found if top is not None]
        return standing, np.concatenate(tops) if tops else None

    def counter(self, place: int = 0) -> BlockCounter:
        """Return what counts for one of the parts that are scanned beside each other."""
        if place not in self._counters:
            self._counters[place] = BlockCounter(self._rows, self.width, self.device)
        return self._counters[place]

    @torch.inference_mode()  # which other threads do not inherit
    def _scan(
        self,
        place: int,
        scores: BatchScores,
        targets: NDArray[np.int64],
        excluded: NotCandidates,
        time: NDArray[np.int64] | None,
        keep: int,
    ) -> tuple[Standing, NDArray[np.int32] | None]:
        rows = np.arange(len(targets))
        of_target = scores.of(torch.from_numpy(targets).to(self.device)).float().contiguous()
        of_target[torch.from_numpy(~self.scorable[targets]).to(self.device)] = -torch.inf
        undefined = of_target.isnan()
        greater = torch.zeros(len(targets), dtype=torch.long, device=self.device)
        tied = torch.zeros_like(greater)
        counter = self.counter(place)
        best = BestItems(len(targets), keep, counter) if keep else None
        asked = None if time is None else torch.from_numpy(time).to(self.device)
        pairs = PairsByItem(excluded.row, excluded.item)
        own = PairsByItem(rows, targets)
        for number, (start, stop) in enumerate(self._blocks()):
            block = scores.block(start, stop)
            if len(self._unscored[number]):
                block.index_fill_(1, self._unscored[number], -torch.inf)
            if len(self._absent[number]):
                block.index_fill_(1, self._absent[number], torch.nan)
            if self._since is not None and asked is not None:
                block.masked_fill_(self._since[start:stop] > asked[:, None], torch.nan)
            block[pairs.between(start, stop)] = torch.nan
            target_at = own.between(start, stop)
            block[target_at] = torch.nan  # counted by nobody, however its score is rounded
            more, equal = counter.above(block, of_target)
            greater += more
            tied += equal
            if best is not None:
                block[target_at] = of_target[target_at[0]]
                best.add(block, start)
        last, count = undefined.cpu().numpy(), self._pool.sizes(targets, excluded, time)
        standing = Standing(
            greater=np.where(last, count - 1, greater.cpu().numpy()),
            tied=np.where(last, 0, tied.cpu().numpy()),
            candidates=count,
            undefined=last,
        )
        return standing, best.ids().cpu().numpy().astype(np.int32) if best is not None else None


def _parts(rows: int) -> list[slice]:
    """Return the parts of a batch that are scanned beside each other, one for each of torch's threads, none of them too small
    for a product as it is.
    """
    threads = max(1, min(torch.get_num_threads(), rows // _AT_LEAST))
    edges = np.linspace(0, rows, threads + 1).astype(int).tolist()
    return [slice(start, stop) for start, stop in pairwise(edges)]


class PairsByItem:
    """Pairs of row and tensor id, sorted by id so that those of a block are one slice."""

    def __init__(self, row: NDArray[np.int64], item: NDArray[np.int64]) -> None:
        order = np.argsort(item, kind="stable")
        self.row, self.item = row[order], item[order]

    def between(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Return row and column, within the block from `start` to before `stop`, of the pairs that lie in it."""
        first, last = np.searchsorted(self.item, [start, stop])
        return torch.from_numpy(self.row[first:last]), torch.from_numpy(self.item[first:last] - start)
