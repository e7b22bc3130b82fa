"""Each loss against a loop over its formula, and the catalog forms against autograd's plain form."""

import math

import pytest
import torch

from embrec.models.losses.binary_cross_entropy import binary_cross_entropy, calibrated_power
from embrec.models.losses.blocks import (
    _BLOCK_BYTES,
    _GATHERED_BYTES,
    _PIECE_BYTES,
    Exclusion,
    Offsets,
    ScoreFormKernel,
    catalog_loss,
    gathered_loss,
    shared_loss,
)
from embrec.models.losses.bpr import bpr, bpr_kernel
from embrec.models.losses.bpr_max import BprMaxKernel, bpr_max
from embrec.models.losses.cosine import cosine
from embrec.models.losses.cross_entropy import cross_entropy, cross_entropy_kernel
from embrec.models.losses.sampled_softmax import sampled_softmax, sampled_softmax_kernel
from embrec.models.losses.top1 import top1, top1_max


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def elu(x, alpha):
    return x if x > 0 or not alpha else alpha * (math.exp(x) - 1)


def shares(scores):
    total = sum(math.exp(score) for score in scores)
    return [math.exp(score) / total for score in scores]


def loop_cross_entropy(p, negatives):
    return -math.log(math.exp(p) / (math.exp(p) + sum(math.exp(n) for n in negatives)))


def loop_sampled_softmax(p, negatives):
    others = sum(math.exp(n) for n in negatives)
    return others / (math.exp(p) + others) * (math.log(others) - p)


def loop_bpr(p, negatives):
    return -sum(math.log(sigmoid(p - n)) for n in negatives) / len(negatives)


def loop_bpr_max(p, negatives, regularization=1.0, alpha=0.0):
    """GRU4Rec's form: -log(sum of s sigmoid(r_p - r_j) + 1e-24) + bpreg sum of s r_j^2, scores through an ELU."""
    p, negatives = elu(p, alpha), [elu(n, alpha) for n in negatives]
    s = shares(negatives)
    below = sum(share * sigmoid(p - n) for share, n in zip(s, negatives, strict=True))
    return -math.log(below + 1e-24) + regularization * sum(share * n * n for share, n in zip(s, negatives, strict=True))


def loop_top1(p, negatives):
    return sum(sigmoid(n - p) + sigmoid(n * n) for n in negatives) / len(negatives)


def loop_top1_max(p, negatives):
    return sum(share * (sigmoid(n - p) + sigmoid(n * n)) for share, n in zip(shares(negatives), negatives, strict=True))


def loop_binary(p, negatives, power=1.0):
    return -(power * math.log(sigmoid(p)) + sum(math.log(1 - sigmoid(n)) for n in negatives)) / (1 + len(negatives))


CASES = {
    "cross-entropy": (cross_entropy, cross_entropy_kernel, loop_cross_entropy),
    "bpr": (bpr, bpr_kernel, loop_bpr),
    "bpr-max": (
        lambda *scores: bpr_max(*scores, regularization=0.3),
        BprMaxKernel(0.3),
        lambda p, n: loop_bpr_max(p, n, 0.3),
    ),
    "bpr-max, elu": (
        lambda *scores: bpr_max(*scores, regularization=1.5, elu=0.5),
        BprMaxKernel(1.5, 0.5),
        lambda p, n: loop_bpr_max(p, n, 1.5, 0.5),
    ),
    "sampled-softmax": (sampled_softmax, sampled_softmax_kernel, loop_sampled_softmax),
    "top1": (top1, ScoreFormKernel(top1), loop_top1),
    "top1-max": (top1_max, ScoreFormKernel(top1_max), loop_top1_max),
    "bce": (binary_cross_entropy, ScoreFormKernel(binary_cross_entropy), loop_binary),
    "gbce": (
        lambda *scores: binary_cross_entropy(*scores, power=0.4),
        ScoreFormKernel(lambda *scores: binary_cross_entropy(*scores, power=0.4)),
        lambda p, n: loop_binary(p, n, 0.4),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_score_form_is_the_formula_over_the_negatives_that_count(name):
    form, _, loop = CASES[name]
    torch.manual_seed(0)
    positive, negatives = torch.randn(6, dtype=torch.float64), torch.randn(6, 4, dtype=torch.float64) * 2
    mask = torch.rand(6, 4) < 0.7
    mask[:, 0] = True
    expected = [
        loop(p.item(), [n.item() for n, counts in zip(row, kept, strict=True) if counts])
        for p, row, kept in zip(positive, negatives, mask, strict=True)
    ]
    torch.testing.assert_close(form(positive, negatives, mask), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("name", CASES)
def test_scores_of_negatives_that_do_not_count_have_no_gradient(name):
    form = CASES[name][0]
    torch.manual_seed(1)
    negatives = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([[1, 1, 0, 0, 1], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]).bool()
    losses = form(torch.randn(3, dtype=torch.float64), negatives, mask)
    assert losses.isfinite().all()
    losses.sum().backward()
    assert negatives.grad.isfinite().all()
    assert (negatives.grad[~mask] == 0).all()
    assert (negatives.grad[mask] != 0).all()


def problem(steps=23, items=17, dim=6, sequences=5, dtype=torch.float64):
    torch.manual_seed(2)
    queries = torch.randn(steps, dim, dtype=dtype, requires_grad=True)
    vectors = torch.randn(items, dim, dtype=dtype, requires_grad=True)
    targets = torch.randint(items, (steps,))
    weights = torch.rand(steps, dtype=dtype)
    exclusion = Exclusion(torch.randint(items, (sequences, 4)), torch.randint(sequences, (steps,)))
    return queries, vectors, targets, weights, exclusion


def plain(form, queries, items, targets, exclusion):
    scores = queries @ items.T
    mask = torch.ones_like(scores, dtype=torch.bool)
    if exclusion is not None:
        mask.scatter_(1, exclusion.columns[exclusion.row], False)
    mask.scatter_(1, targets[:, None], False)
    return form(scores.gather(1, targets[:, None]).squeeze(1), scores, mask)


def each_step(queries, items, targets, kernel, exclusion=None):
    """The loss of each step by itself, as the weighted sum in which only that step counts."""
    only = torch.eye(len(targets), dtype=queries.dtype)
    with torch.no_grad():
        return torch.stack([catalog_loss(queries, items, targets, one, kernel, exclusion) for one in only])


@pytest.mark.parametrize("excluding", [False, True])
@pytest.mark.parametrize(("block", "piece"), [(1, 1), (17 * 8 * 5, 17 * 8 * 2), (1 << 20, 1 << 20)])
@pytest.mark.parametrize("name", CASES)
def test_the_catalog_form_equals_the_plain_form(monkeypatch, name, block, piece, excluding):
    monkeypatch.setitem(_BLOCK_BYTES, "cpu", block)
    monkeypatch.setitem(_PIECE_BYTES, "cpu", piece)
    form, kernel, _ = CASES[name]
    queries, items, targets, weights, exclusion = problem()
    exclusion = exclusion if excluding else None
    losses = plain(form, queries, items, targets, exclusion)
    expected = torch.autograd.grad(losses @ weights, (queries, items))
    total = catalog_loss(queries, items, targets, weights, kernel, exclusion)
    torch.testing.assert_close(total, losses @ weights)
    torch.testing.assert_close(each_step(queries, items, targets, kernel, exclusion), losses.detach())
    for ours, theirs in zip(torch.autograd.grad(3 * total, (queries, items)), expected, strict=True):
        torch.testing.assert_close(ours, 3 * theirs, rtol=0, atol=1e-12)


def test_cross_entropy_over_the_catalog_is_that_of_torch():
    queries, items, targets, _, _ = problem()
    expected = torch.nn.functional.cross_entropy(queries @ items.T, targets, reduction="none")
    torch.testing.assert_close(each_step(queries, items, targets, cross_entropy_kernel), expected.detach())


def sample_problem():
    queries, vectors, targets, weights, _ = problem()
    sample = torch.randint(len(vectors), (9,))  # with replacement, so some twice
    offsets = Offsets(torch.randn(9, dtype=torch.float64), torch.randn(len(queries), dtype=torch.float64))
    row = torch.arange(len(queries))
    hits = sample[None, :] == targets[:, None]
    columns = torch.where(hits, torch.arange(9), 9)
    return queries, vectors, targets, weights, sample, offsets, Exclusion(columns, row), ~hits


@pytest.mark.parametrize("block", [1, 400, 1 << 20])
@pytest.mark.parametrize("form", ["shared", "gathered"])
@pytest.mark.parametrize("name", CASES)
def test_losses_against_a_sample_equal_the_plain_form(monkeypatch, name, form, block):
    for room in (_BLOCK_BYTES, _PIECE_BYTES, _GATHERED_BYTES):
        monkeypatch.setitem(room, "cpu", block)
    score_form, kernel, _ = CASES[name]
    queries, items, targets, weights, sample, offsets, exclusion, mask = sample_problem()
    positive = (queries * items[targets]).sum(dim=1) + offsets.positives
    losses = score_form(positive, queries @ items[sample].T + offsets.negatives, mask)
    expected = torch.autograd.grad(losses @ weights, (queries, items))
    if form == "shared":
        total = shared_loss(queries, items[targets], items[sample], weights, kernel, exclusion, offsets)
    else:
        candidates = torch.cat([sample.expand(len(queries), -1), targets[:, None]], dim=1)
        total = gathered_loss(queries, items, candidates, weights, kernel, exclusion, offsets)
    torch.testing.assert_close(total, losses @ weights)
    for ours, theirs in zip(torch.autograd.grad(total, (queries, items)), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_scores_far_apart_give_numbers(name):
    _, kernel, _ = CASES[name]
    queries = torch.tensor([[300.0], [-300.0]], requires_grad=True)
    items = torch.tensor([[1.0], [0.5], [-1.0]], requires_grad=True)
    total = catalog_loss(queries, items, torch.tensor([2, 2]), torch.ones(2), kernel)
    total.backward()
    assert total.isfinite()
    assert queries.grad.isfinite().all()
    assert items.grad.isfinite().all()


@pytest.mark.parametrize("name", CASES)
def test_no_steps_and_no_negatives_cost_nothing(name):
    _, kernel, _ = CASES[name]
    nothing = catalog_loss(
        torch.zeros(0, 3), torch.zeros(4, 3), torch.zeros(0, dtype=torch.long), torch.zeros(0), kernel
    )
    assert nothing == 0
    alone = Exclusion(torch.tensor([[0, 1]]), torch.tensor([0]))
    queries = torch.ones(1, 3, requires_grad=True)
    total = catalog_loss(queries, torch.ones(2, 3), torch.tensor([0]), torch.ones(1), kernel, alone)
    total.backward()
    assert total.isfinite()
    assert queries.grad.isfinite().all()


def test_gbce_calibrates_from_the_sampling_rate_to_one():
    assert calibrated_power(256, 12_101, 0.0) == pytest.approx(1.0)
    assert calibrated_power(256, 12_101, 1.0) == pytest.approx(256 / 12_100)
    assert calibrated_power(50, 11, 0.5) == 1.0  # the whole catalog: nothing to calibrate


def test_cosine_is_one_minus_the_cosine():
    queries, targets = torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([[6.0, 8.0], [0.0, 2.0]])
    torch.testing.assert_close(cosine(queries, targets), torch.tensor([0.0, 1.0]))


def test_the_positive_aware_correction_has_the_gradient_of_the_full_softmax_in_expectation():
    """Over all samples of two negatives, weighted by their probability; exact but for the ratio of two estimates."""
    torch.manual_seed(3)
    items, draws = 6, 4000
    scores = torch.randn(items, dtype=torch.float64, requires_grad=True)
    probability = torch.softmax(torch.randn(items, dtype=torch.float64), dim=0)
    target = 2
    (exact,) = torch.autograd.grad(torch.logsumexp(scores, 0) - scores[target], scores)
    gaps = {}
    for correction in ("positive-aware", "plain", None):
        size = 64
        ids = torch.multinomial(probability.expand(draws, -1), size, replacement=True)
        negatives = scores[ids]
        mask = ids != target
        log_expected = (size * probability).log()
        if correction is None:
            losses = cross_entropy(scores[target].expand(draws), negatives, mask)
        else:
            form, offset = (
                (sampled_softmax, 0.0) if correction == "positive-aware" else (cross_entropy, log_expected[target])
            )
            losses = form((scores[target] - offset).expand(draws), negatives - log_expected[ids], mask)
        (estimate,) = torch.autograd.grad(losses.mean(), scores)
        gaps[correction] = (estimate - exact).abs().max().item()
    assert gaps["positive-aware"] < 0.01
    assert gaps["positive-aware"] < gaps["plain"] < gaps[None]
