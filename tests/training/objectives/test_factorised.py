"""The loss of a batch against plain loops over its steps and their negatives."""

import pytest
import torch
from support.toys import N_ITEMS, next_item_batch, step_queries, toy_model

from embrec.models.losses.binary_cross_entropy import BinaryCrossEntropy, CalibratedBinaryCrossEntropy
from embrec.models.losses.bpr import Bpr
from embrec.models.losses.bpr_max import BprMax
from embrec.models.losses.cosine import Cosine
from embrec.models.losses.cross_entropy import CrossEntropy
from embrec.models.losses.sampled_softmax import SampledSoftmax
from embrec.models.losses.top1 import Top1, Top1Max
from embrec.models.negatives import Negatives
from embrec.training.objectives.base import step_weights
from embrec.training.objectives.factorised import FactorisedObjective

UNKNOWN = (4, 9)
POPULARITY = torch.arange(N_ITEMS + 1)
HISTORIES = ([3, 7, 2, 7, 12], [5, 6], [1, 2, 3, 20, 19, 18, 17], [8, 8])
MOMENT = (2, 5)

LOSSES = {
    "cross-entropy": CrossEntropy(),
    "bpr": Bpr(),
    "bpr-max": BprMax(regularization=0.3),
    "bpr-max, elu": BprMax(regularization=1.5, elu=0.5),
    "top1": Top1(),
    "top1-max": Top1Max(),
    "bce": BinaryCrossEntropy(),
    "gbce": CalibratedBinaryCrossEntropy(),
    "sampled-softmax": SampledSoftmax(),
    "sampled-softmax, plain": SampledSoftmax(correction="plain"),
}
NEGATIVES = {
    "all": Negatives(),
    "all but own": Negatives(exclude="own"),
    "all but labels": Negatives(exclude="batch-labels"),
    "batch": Negatives(count=9, alpha=0.5),
    "batch, target": Negatives(count=9, exclude="target"),
    "batch, labels": Negatives(count=9, exclude="batch-labels"),
    "row": Negatives(count=6, share="row"),
    "position": Negatives(count=6, share="position", alpha=1.0),
    "position, target": Negatives(count=6, share="position", exclude="target"),
    "in-batch and drawn": Negatives(count=5, in_batch=True, alpha=0.5),
    "in-batch": Negatives(count=0, in_batch=True),
    "in-batch, target": Negatives(count=0, in_batch=True, exclude="target"),
}
COMBINATIONS = [
    (loss, negatives)
    for loss in LOSSES
    for negatives in NEGATIVES
    if NEGATIVES[negatives].sampled or LOSSES[loss].needs != "sample"
]


def double_model(source="hybrid", **options):
    return toy_model(source, unknown=UNKNOWN, **options).double()


def objective(model, loss, negatives):
    return FactorisedObjective(model, loss, negatives, POPULARITY, seed=1)


def histories_of(made, steps, histories):
    return made.histories(next_item_batch(*histories), steps.targets, steps.row)


def brute_force(made, histories):
    """The loss of each step, one by one, from the tensor ids of its negatives."""
    model, loss, config = made.model, made.loss, made.negatives
    known = [item for item in range(1, N_ITEMS + 1) if item not in UNKNOWN]
    steps = model.training_steps(next_item_batch(*histories))
    sample = None if made.sampler is None else made.sampler(histories_of(made, steps, histories), MOMENT)
    labels = {item for history in histories for item in history[1:]}
    places = [(row, place) for row, history in enumerate(histories) for place in range(1, len(history))]
    losses = []
    for step, (row, place) in enumerate(places):
        target = histories[row][place]
        out = {"own": set(histories[row]), "target": {target}, "batch-labels": labels}[config.excluded]
        if sample is None:
            drawn = known
        else:
            drawn = [known[column] for column in (sample.ids if sample.ids.dim() == 1 else sample.ids[step])]
        positive = steps.queries[step] @ steps.items[target]
        negatives = [steps.queries[step] @ steps.items[item] for item in drawn if item not in out | {target}]
        if isinstance(loss, SampledSoftmax):
            kept = [item for item in drawn if item not in out | {target}]
            left = [item for item in known if config.excluded != "batch-labels" or item not in labels]
            negatives = [
                score - expected(item, left, config, len(places)) for score, item in zip(negatives, kept, strict=True)
            ]
            if loss.correction == "plain":
                positive = positive - expected(target, known, config, len(places))
        form = loss.score_form(len(drawn) - (sample is None), len(known))
        scores = torch.stack(negatives) if negatives else torch.zeros(1, dtype=torch.float64)
        mask = torch.full((1, len(scores)), bool(negatives))
        losses.append(form(positive[None], scores[None], mask)[0])
    return torch.stack(losses)


def expected(item, candidates, config, steps):
    """log(N p + M q): how often the sample holds an item."""
    p = POPULARITY[item] ** config.alpha / sum(POPULARITY[other] ** config.alpha for other in candidates)
    q = POPULARITY[item] / sum(POPULARITY[other] for other in range(1, N_ITEMS + 1) if other not in UNKNOWN)
    return (config.count * p + config.in_batch * steps * q).double().log().float()


def assert_equal_to_the_loops(made, histories):
    weights = torch.rand(sum(len(history) - 1 for history in histories), dtype=torch.float64)
    parameters = dict(made.model.named_parameters())
    by_loops = brute_force(made, histories) @ weights
    total = made(next_item_batch(*histories), weights, MOMENT)
    torch.testing.assert_close(total, by_loops, rtol=1e-6, atol=1e-6)
    ours, theirs = (
        torch.autograd.grad(loss, list(parameters.values()), allow_unused=True, materialize_grads=True)
        for loss in (total, by_loops)
    )
    for name, mine, plain in zip(parameters, ours, theirs, strict=True):
        torch.testing.assert_close(mine, plain, rtol=1e-6, atol=1e-6, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize(("loss", "negatives"), COMBINATIONS)
def test_loss_and_gradients_equal_plain_loops(loss, negatives):
    torch.manual_seed(3)
    made = objective(double_model(metric="dot"), LOSSES[loss], NEGATIVES[negatives])
    assert_equal_to_the_loops(made, HISTORIES)


@pytest.mark.parametrize("negatives", ["all", "batch", "row", "in-batch and drawn"])
@pytest.mark.parametrize("source", ["content", "id", "hybrid"])
@pytest.mark.parametrize("kind", ["embrec", "sasrec", "gru4rec"])
def test_every_kind_of_model_has_the_loss_of_the_loops(kind, source, negatives):
    model = double_model(source, kind=kind)
    if model.scorer.bias is not None:
        torch.nn.init.normal_(model.scorer.bias)
    assert_equal_to_the_loops(objective(model, BprMax(), NEGATIVES[negatives]), HISTORIES)


@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize("histories", [([3, 7],), ([3, 7, 2],), ([3, 7], [3, 7])], ids=str)
def test_the_smallest_batches(histories, negatives):
    assert_equal_to_the_loops(objective(double_model(), CrossEntropy(), NEGATIVES[negatives]), histories)


@pytest.mark.parametrize("loss", [name for name in LOSSES if "bce" not in name])
def test_one_step_of_an_in_batch_loss_has_no_negatives_and_costs_nothing(loss):
    model = double_model()
    made = objective(model, LOSSES[loss], Negatives(count=0, in_batch=True))
    total = made(next_item_batch([3, 7]), torch.ones(1, dtype=torch.float64), MOMENT)
    total.backward()
    assert total == 0
    assert all(parameter.grad is None or (parameter.grad == 0).all() for parameter in model.parameters())


@pytest.mark.parametrize("source", ["content", "hybrid"])
@pytest.mark.parametrize("negatives", [Negatives(), Negatives(count=200), Negatives(count=200, share="position")])
def test_items_without_training_events_are_never_pushed_down(source, negatives):
    model = double_model(source)
    vectors = model.catalog().detach().requires_grad_()
    model.items.all_items = lambda: vectors
    made = objective(model, CrossEntropy(), negatives)
    made(next_item_batch(*HISTORIES), torch.ones(12, dtype=torch.float64), MOMENT).backward()
    moved = vectors.grad.abs().sum(dim=1) > 0
    assert not moved[[0, *UNKNOWN]].any()
    assert moved.sum() == N_ITEMS - len(UNKNOWN)


def test_an_unknown_item_may_be_read():
    made = objective(double_model(), CrossEntropy(), Negatives(exclude="own"))
    assert_equal_to_the_loops(made, ([4, 7, 2], [9, 5]))


def test_reductions_by_hand():
    batch = next_item_batch([3, 7, 2, 8], [5, 6])
    losses = torch.tensor([1.0, 2.0, 6.0, 11.0])
    assert losses @ step_weights(batch, "token-mean", 4, 4) == pytest.approx(20 / 4)
    assert losses @ step_weights(batch, "user-mean", 2, 4) == pytest.approx((3 + 11) / 2)


@pytest.mark.parametrize(("reduction", "total"), [("token-mean", 4), ("user-mean", 2)])
def test_two_halves_of_a_batch_add_up_to_it(reduction, total):
    model = double_model()
    made = objective(model, CrossEntropy(), Negatives())

    def loss(*histories):
        batch = next_item_batch(*histories)
        return made(batch, step_weights(batch, reduction, total, int((batch.targets > 0).sum())).double(), MOMENT)

    torch.testing.assert_close(loss([3, 7, 2, 8], [5, 6]), loss([3, 7, 2, 8]) + loss([5, 6]), rtol=1e-6, atol=0)


def test_the_cosine_loss_asks_for_the_direction_of_the_next_item_itself():
    model = double_model("content", fc=False, metric="cosine")
    batch = next_item_batch(*HISTORIES)
    total = objective(model, Cosine(), Negatives())(batch, torch.ones(12, dtype=torch.float64), MOMENT)
    matrix = model.items.all_items()
    queries = step_queries(model, batch)
    losses = [
        1 - torch.nn.functional.cosine_similarity(queries[row, place], matrix[item], dim=0)
        for row, history in enumerate(HISTORIES)
        for place, item in enumerate(history[1:])
    ]
    torch.testing.assert_close(total, torch.stack(losses).sum())
