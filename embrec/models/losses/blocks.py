"""Losses over many candidates, computed in blocks of steps: exact values and gradients without a score matrix [M, candidates].

For each block the scores are computed by one matrix product. A kernel replaces them in place by their gradient, and two more
products give the gradients of queries and candidates. The buffer is then reused for the next block of steps. So the backward
pass has nothing left to compute, and nothing is computed twice, unlike with gradient checkpointing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Score of an excluded item: its exponential is 0, and its square is still finite.
EXCLUDED = -1e9

# Size of a block, in bytes of scores and in rows. With more rows, the gradient of the items is read and written less often;
# with fewer, the scores of a small catalog are still in cache when they are used again.
_BLOCK_BYTES = {"cpu": 64 << 20, "cuda": 512 << 20}
_BLOCK_ROWS = {"cpu": 256, "cuda": 1 << 20}

# Bytes of scores that a kernel works on at a time, which should stay in cache between its passes.
_PIECE_BYTES = {"cpu": 1 << 20, "cuda": 512 << 20}

# Bytes of vectors gathered at a time if each step has candidates of its own.
_GATHERED_BYTES = {"cpu": 8 << 20, "cuda": 512 << 20}


class Kernel(Protocol):
    """A loss of a block of scores, with its gradient."""

    def __call__(self, scores: Tensor, targets: Tensor, with_gradient: bool) -> Tensor:
        """Return the loss of each step, [r], and replace the scores by their gradient.

        Args:
            scores: scores of all candidates, [r, C]; overwritten.
            targets: column of each step's next item, [r].
            with_gradient: False if only the losses are needed; the scores may then be left in any state.
        """
        ...


class Exclusion(NamedTuple):
    """Candidates that are not negatives of a step, such as the items of its own user.

    Attributes:
        columns: lists of excluded columns of the scores, [R, K]; shorter lists are filled up with columns excluded anyway.
        row: row of `columns` for each step, [M].
    """

    columns: Tensor
    row: Tensor


class Offsets(NamedTuple):
    """Numbers added to the scores before the loss, such as a correction for how often a candidate is drawn.

    Attributes:
        negatives: offset of each candidate, [N] or [M, N].
        positives: offset of each step's next item, [M].
    """

    negatives: Tensor
    positives: Tensor


def catalog_loss(
    queries: Tensor, items: Tensor, targets: Tensor, weights: Tensor, kernel: Kernel, exclusion: Exclusion | None = None
) -> Tensor:
    """Return the weighted sum of the losses of all steps against all items, a scalar.

    Args:
        queries: query of each step, [M, d].
        items: vectors of the candidates, [n, d].
        targets: row of `items` with each step's next item, [M].
        weights: weight of each step in the sum, such as 1 / M, [M].
        kernel: the loss.
        exclusion: items that are not negatives; the next item of a step always counts as its positive.
    """
    total: Tensor = _BlockLoss.apply(queries, items, None, None, targets, weights, kernel, exclusion, None)
    return total


def shared_loss(
    queries: Tensor,
    positives: Tensor,
    negatives: Tensor,
    weights: Tensor,
    kernel: Kernel,
    exclusion: Exclusion | None = None,
    offsets: Offsets | None = None,
) -> Tensor:
    """Return the weighted sum of the losses of all steps against negatives that they share, a scalar.

    Args:
        queries: query of each step, [M, d].
        positives: vector of each step's next item, [M, d].
        negatives: vectors of the negatives, [N, d].
        weights: weight of each step in the sum, [M].
        kernel: the loss.
        exclusion: negatives that do not count, by column; rows are filled up with N, the column of the positive.
        offsets: numbers to add to the scores.
    """
    total: Tensor = _BlockLoss.apply(queries, negatives, positives, None, None, weights, kernel, exclusion, offsets)
    return total


def gathered_loss(
    queries: Tensor,
    items: Tensor,
    candidates: Tensor,
    weights: Tensor,
    kernel: Kernel,
    exclusion: Exclusion | None = None,
    offsets: Offsets | None = None,
) -> Tensor:
    """Return the weighted sum of the losses of all steps, each against negatives of its own, a scalar.

    Args:
        queries: query of each step, [M, d].
        items: vectors of the catalog, [n, d].
        candidates: rows of `items`: the negatives of each step, then its next item, [M, N + 1].
        weights: weight of each step in the sum, [M].
        kernel: the loss.
        exclusion: negatives that do not count, by column; rows are filled up with N, the column of the positive.
        offsets: numbers to add to the scores.
    """
    total: Tensor = _BlockLoss.apply(queries, items, None, candidates, None, weights, kernel, exclusion, offsets)
    return total


class _Product(Protocol):
    """The scores of a block of steps, and the backward step from their gradient to the vectors."""

    queries: Tensor
    columns: int
    block_rows: int

    def scores(self, block: slice, out: Tensor) -> None: ...

    def accumulate(self, block: slice, gradient: Tensor, weights: Tensor) -> None: ...

    def gradients(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]: ...


class _AllItems:
    """Every step against the same vectors."""

    def __init__(self, queries: Tensor, items: Tensor, with_gradient: bool) -> None:
        # Under autocast the products run in half precision, as in a linear layer; scores and sums stay float32.
        device = queries.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else items.dtype
        self.queries, self.items = queries.to(dtype), items.to(dtype)
        self.columns = len(items)
        self.block_rows = min(_BLOCK_ROWS[device], _rows(_BLOCK_BYTES, device, self.columns * items.element_size()))
        if with_gradient:
            self.gradient_queries = torch.empty_like(queries, dtype=items.dtype)
            self.gradient_items = torch.zeros_like(items)

    def scores(self, block: slice, out: Tensor) -> None:
        columns = out[:, : len(self.items)]
        if self.queries.dtype == out.dtype:
            torch.mm(self.queries[block], self.items.T, out=columns)
        else:
            columns.copy_(self.queries[block] @ self.items.T)

    def accumulate(self, block: slice, gradient: Tensor, weights: Tensor) -> None:
        columns = gradient[:, : len(self.items)]
        if self.queries.dtype == gradient.dtype:
            torch.mm(columns, self.items, out=self.gradient_queries[block])
            self.gradient_items.addmm_(columns.T, self.queries[block] * weights)
        else:
            columns = columns.to(self.queries.dtype)
            self.gradient_queries[block] = columns @ self.items
            self.gradient_items += columns.T @ (self.queries[block] * weights).to(self.queries.dtype)
        self.gradient_queries[block] *= weights

    def gradients(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        return self.gradient_queries, self.gradient_items, None


class _Shared(_AllItems):
    """Every step against the same negatives and, in the last column, its own positive."""

    def __init__(self, queries: Tensor, negatives: Tensor, positives: Tensor, with_gradient: bool) -> None:
        super().__init__(queries, negatives, with_gradient)
        self.columns += 1
        self.positives = positives.to(self.queries.dtype)
        if with_gradient:
            self.gradient_positives = torch.empty_like(positives)

    def scores(self, block: slice, out: Tensor) -> None:
        super().scores(block, out)
        out[:, -1] = torch.linalg.vecdot(self.queries[block], self.positives[block])

    def accumulate(self, block: slice, gradient: Tensor, weights: Tensor) -> None:
        super().accumulate(block, gradient, weights)
        of_positive = gradient[:, -1:] * weights
        self.gradient_queries[block] += of_positive * self.positives[block]
        torch.mul(of_positive, self.queries[block], out=self.gradient_positives[block])

    def gradients(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        return self.gradient_queries, self.gradient_items, self.gradient_positives


class _Gathered:
    """Every step against candidates of its own, whose vectors are gathered."""

    def __init__(self, queries: Tensor, items: Tensor, candidates: Tensor, with_gradient: bool) -> None:
        self.queries, self.items, self.candidates = queries.to(items.dtype), items, candidates
        self.columns = candidates.shape[1]
        row_bytes = candidates.shape[1] * items.shape[1] * items.element_size()
        self.block_rows = _rows(_GATHERED_BYTES, queries.device.type, row_bytes)
        if with_gradient:
            self.gradient_queries = torch.empty_like(self.queries)
            self.gradient_items = torch.zeros_like(items)

    def scores(self, block: slice, out: Tensor) -> None:
        self.vectors = self.items[self.candidates[block]]  # [r, C, d]
        torch.matmul(self.vectors, self.queries[block, :, None], out=out[:, :, None])

    def accumulate(self, block: slice, gradient: Tensor, weights: Tensor) -> None:
        gradient = gradient * weights
        torch.matmul(gradient[:, None], self.vectors, out=self.gradient_queries[block, None])
        torch.mul(gradient[:, :, None], self.queries[block, None], out=self.vectors)
        self.gradient_items.index_add_(0, self.candidates[block].flatten(), self.vectors.flatten(0, 1))

    def gradients(self) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        return self.gradient_queries, self.gradient_items, None


class _BlockLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        items: Tensor,
        positives: Tensor | None,
        candidates: Tensor | None,
        targets: Tensor | None,
        weights: Tensor,
        kernel: Kernel,
        exclusion: Exclusion | None,
        offsets: Offsets | None,
    ) -> Tensor:
        wanted = any(ctx.needs_input_grad)
        product: _Product
        if positives is not None:
            product = _Shared(queries, items, positives, wanted)
        elif candidates is not None:
            product = _Gathered(queries, items, candidates, wanted)
        else:
            product = _AllItems(queries, items, wanted)
        if targets is None:
            targets = torch.full((len(queries),), product.columns - 1, device=queries.device)
        # The product chooses the precision of its multiplications itself; a kernel computes in float32.
        with torch.autocast(queries.device.type, enabled=False):
            losses = _blocks(product, targets, weights, kernel, exclusion, offsets, wanted)
            if wanted:
                ctx.gradients = product.gradients()
            return losses @ weights

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.gradients is None:
            raise RuntimeError("the gradients of a loss in blocks can be computed only once")
        gradients = [None if gradient is None else gradient.mul_(scale) for gradient in ctx.gradients]
        ctx.gradients = None
        return (*gradients, *[None] * 6)


def _blocks(
    product: _Product,
    targets: Tensor,
    weights: Tensor,
    kernel: Kernel,
    exclusion: Exclusion | None,
    offsets: Offsets | None,
    with_gradient: bool,
) -> Tensor:
    count = len(targets)
    losses = weights.new_empty(count)
    room = weights.new_empty(min(count, product.block_rows), product.columns)
    piece_rows = _rows(_PIECE_BYTES, weights.device.type, product.columns * weights.element_size())
    for start in range(0, count, product.block_rows):
        block = slice(start, min(start + product.block_rows, count))
        scores = room[: block.stop - block.start]
        product.scores(block, scores)
        for begin in range(block.start, block.stop, piece_rows):
            piece = slice(begin, min(begin + piece_rows, block.stop))
            part = scores[piece.start - start : piece.stop - start]
            target = targets[piece, None]
            if offsets is not None:
                negatives = offsets.negatives
                part[:, :-1] += negatives if negatives.dim() == 1 else negatives[piece]
                part[:, -1] += offsets.positives[piece]
            if exclusion is not None:
                positive = part.gather(1, target)
                part.scatter_(1, exclusion.columns[exclusion.row[piece]], EXCLUDED)
                part.scatter_(1, target, positive)
            losses[piece] = kernel(part, targets[piece], with_gradient)
        if with_gradient:
            product.accumulate(
                block, scores, weights[block, None]
            )  # here and not in the scores: d entries a step, not C
    return losses


def _rows(limits: dict[str, int], device: str, row_bytes: int) -> int:
    """Return the number of rows that fit into the limit of a device, at least one."""
    return max(1, limits[device] // max(1, row_bytes))


class ScoreFormKernel:
    """Kernel of any loss given as a function of scores, with the gradient by autograd.

    Args:
        score_form: function (positive [r], negatives [r, C], mask [r, C]) -> losses [r].
    """

    def __init__(self, score_form: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        self.score_form = score_form

    def __call__(self, scores: Tensor, targets: Tensor, with_gradient: bool) -> Tensor:
        """Return the loss of each step; see `Kernel`."""
        with torch.enable_grad():
            leaf = scores.detach().requires_grad_(with_gradient)
            mask = (leaf > EXCLUDED / 2).scatter_(1, targets[:, None], False)
            losses = self.score_form(leaf.gather(1, targets[:, None]).squeeze(1), leaf, mask)
            if with_gradient:
                (gradient,) = torch.autograd.grad(losses.sum(), leaf)
        if with_gradient:
            scores.copy_(gradient)
        return losses.detach()
