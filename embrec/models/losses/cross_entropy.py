"""Cross-entropy: the next item as a class among all candidates, the default loss and the strongest in the paper.

It ranks the positive against every candidate at once, so its gradient stays on the candidates that still score too high.
Published: EmbRec, eq. 4 (spec 1.4), with the labels of the batch left out of the negatives; here the softmax is the true
one, over every candidate (spec 1.5).
"""

from typing import Any

import torch
from torch import Tensor

# Scores computed at a time: 16 MB of float32, which stays in cache better than it stays in memory.
_BLOCK_SCORES = 4_000_000


def cross_entropy(positive: Tensor, negatives: Tensor, mask: Tensor) -> Tensor:
    """Return the loss of each step from its scores, [M], in nats.

    Args:
        positive: score of the next item, [M].
        negatives: scores of the other candidates, [M, N].
        mask: True where a negative counts, [M, N].
    """
    negatives = negatives.masked_fill(~mask, -torch.inf)
    return torch.logsumexp(torch.cat([positive[:, None], negatives], dim=1), dim=1) - positive


def catalog_cross_entropy(queries: Tensor, items: Tensor, targets: Tensor) -> Tensor:
    """Return the loss of each step against all items, [M], in nats, without a tensor of [M, n] scores.

    The scores are made block of rows by block of rows, and each block's gradient while it is still there, so the backward
    pass only scales what is ready.

    Args:
        queries: [M, d].
        items: the candidates' vectors, [n, d].
        targets: row of `items` that each step should find, [M].
    """
    losses: Tensor = _CatalogCrossEntropy.apply(queries, items, targets)
    return losses


class _CatalogCrossEntropy(torch.autograd.Function):
    """All steps must share one upstream gradient, as they do under a mean or a sum; a weighted sum is computed again."""

    @staticmethod
    def forward(ctx: Any, queries: Tensor, items: Tensor, targets: Tensor) -> Tensor:
        losses, gradient_queries, gradient_items = _blocks(queries, items, targets, None, any(ctx.needs_input_grad))
        ctx.save_for_backward(queries, items, targets, gradient_queries, gradient_items)
        return losses

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        queries, items, targets, gradient_queries, gradient_items = ctx.saved_tensors
        weights = gradients[0]
        if len(weights) == 0 or bool((weights == weights[0]).all()):
            scale = weights[0] if len(weights) else 0.0
            return gradient_queries * scale, gradient_items * scale, None
        _, gradient_queries, gradient_items = _blocks(queries, items, targets, weights, True)
        return gradient_queries, gradient_items, None


def _blocks(
    queries: Tensor, items: Tensor, targets: Tensor, weights: Tensor | None, with_gradients: bool
) -> tuple[Tensor, Tensor, Tensor]:
    rows = max(1, _BLOCK_SCORES // max(1, len(items)))
    losses = queries.new_empty(len(queries))
    gradient_queries = torch.zeros_like(queries) if with_gradients else queries.new_empty(0)
    gradient_items = torch.zeros_like(items) if with_gradients else items.new_empty(0)
    for start in range(0, len(queries), rows):
        block = slice(start, start + rows)
        scores = queries[block] @ items.T
        target = targets[block, None]
        log_probability = torch.log_softmax(scores, dim=1)
        losses[block] = -log_probability.gather(1, target).squeeze(1)
        if not with_gradients:
            continue
        difference = log_probability.exp_()
        difference.scatter_add_(1, target, difference.new_full(target.shape, -1.0))
        if weights is not None:
            difference *= weights[block, None]
        torch.mm(difference, items, out=gradient_queries[block])
        gradient_items.addmm_(difference.T, queries[block])
    return losses, gradient_queries, gradient_items
