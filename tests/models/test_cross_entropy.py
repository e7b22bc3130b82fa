"""The catalog form in blocks against torch's cross-entropy, values and gradients."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from embrec.models.losses import cross_entropy as module
from embrec.models.losses.cross_entropy import catalog_cross_entropy, cross_entropy


def tensors(steps=7, items=9, dim=5):
    torch.manual_seed(0)
    queries = torch.randn(steps, dim, dtype=torch.float64, requires_grad=True)
    vectors = torch.randn(items, dim, dtype=torch.float64, requires_grad=True)
    return queries, vectors, torch.randint(items, (steps,))


@pytest.mark.parametrize("block", [1, 20, 10_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_catalog_form_equals_the_plain_form(monkeypatch, block, weighted):
    monkeypatch.setattr(module, "_BLOCK_SCORES", block)
    queries, items, targets = tensors()
    weights = torch.rand(7, dtype=torch.float64) if weighted else torch.full((7,), 1 / 7, dtype=torch.float64)
    plain = F.cross_entropy(queries @ items.T, targets, reduction="none")
    expected = torch.autograd.grad((plain * weights).sum(), (queries, items))
    losses = catalog_cross_entropy(queries, items, targets)
    torch.testing.assert_close(losses, plain)
    for ours, theirs in zip(torch.autograd.grad((losses * weights).sum(), (queries, items)), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_catalog_form_of_no_steps_is_empty():
    losses = catalog_cross_entropy(torch.zeros(0, 3), torch.zeros(4, 3), torch.zeros(0, dtype=torch.long))
    assert losses.shape == (0,)


def test_score_form_equals_the_catalog_form():
    queries, items, targets = tensors()
    scores = queries @ items.T
    positive = scores.gather(1, targets[:, None]).squeeze(1)
    mask = torch.arange(len(items)) != targets[:, None]
    torch.testing.assert_close(cross_entropy(positive, scores, mask), catalog_cross_entropy(queries, items, targets))


def test_score_form_ignores_masked_negatives():
    positive, negatives = torch.tensor([1.0]), torch.tensor([[2.0, 50.0]])
    loss = cross_entropy(positive, negatives, torch.tensor([[True, False]]))
    assert loss.item() == pytest.approx(np.log(np.exp(1) + np.exp(2)) - 1)
