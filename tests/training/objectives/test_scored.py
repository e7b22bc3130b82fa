"""The loss of a scored model: that of the factorised objective where both can compute it, and its auxiliary losses."""

import pytest
import torch
from support.toys import N_ITEMS, next_item_batch, toy_model

from embrec.errors import ConfigError
from embrec.models.factors import product_scores
from embrec.models.interface import Factorised, Scored, Scores
from embrec.models.losses.binary_cross_entropy import BinaryCrossEntropy, CalibratedBinaryCrossEntropy
from embrec.models.losses.bpr import Bpr
from embrec.models.losses.bpr_max import BprMax
from embrec.models.losses.cosine import Cosine
from embrec.models.losses.cross_entropy import CrossEntropy
from embrec.models.losses.sampled_softmax import SampledSoftmax
from embrec.models.losses.top1 import Top1, Top1Max
from embrec.models.negatives import Negatives
from embrec.training.objectives.choose import make_objective
from embrec.training.objectives.factorised import FactorisedObjective
from embrec.training.objectives.scored import ScoredObjective

UNKNOWN = (4, 9)
POPULARITY = torch.arange(N_ITEMS + 1)
HISTORIES = ([3, 7, 2, 7, 12], [5, 6], [1, 2, 3, 20, 19, 18, 17], [8, 8])
MOMENT = (2, 5)
LOSSES = [
    CrossEntropy(), Bpr(), BprMax(regularization=0.3), Top1(), Top1Max(), BinaryCrossEntropy(),
    CalibratedBinaryCrossEntropy(), SampledSoftmax(), SampledSoftmax(correction="plain"),
]  # fmt: skip
NEGATIVES = {
    "batch": Negatives(count=9, alpha=0.5),
    "batch, target": Negatives(count=9, exclude="target"),
    "batch, labels": Negatives(count=9, exclude="batch-labels"),
    "row": Negatives(count=6, share="row"),
    "position": Negatives(count=6, share="position", alpha=1.0),
    "in-batch and drawn": Negatives(count=5, in_batch=True, alpha=0.5),
}


class ByScores(torch.nn.Module):
    """A factorised model that shows its scores only."""

    def __init__(self, model, auxiliary=None):
        super().__init__()
        self.model = model
        self.known = model.known
        self.auxiliary = auxiliary or {}
        self.score, self.queries, self.catalog = model.score, model.queries, model.catalog

    def factors(self):
        return None

    def cached(self):
        return self

    def training_scores(self, batch, negatives):
        queries, items, targets, _, _ = self.model.training_steps(batch)
        ids = negatives.expand(len(targets), -1) if negatives.dim() == 1 else negatives
        positive = (queries * items[targets]).sum(dim=1)
        return Scores(
            positive, (items[ids] @ queries[:, :, None])[:, :, 0], ids != targets[:, None], dict(self.auxiliary)
        )


def double_model():
    return toy_model("hybrid", unknown=UNKNOWN, metric="dot").double()


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("negatives", NEGATIVES)
def test_loss_and_gradients_are_those_of_the_factorised_objective(loss, negatives):
    model, settings = double_model(), NEGATIVES[negatives]
    batch, weights = next_item_batch(*HISTORIES), torch.rand(12, dtype=torch.float64)
    parameters = list(model.parameters())
    totals = []
    for objective in (
        FactorisedObjective(model, loss, settings, POPULARITY, seed=1),
        ScoredObjective(ByScores(model), loss, settings, POPULARITY, seed=1),
    ):
        total = objective(batch, weights, MOMENT)
        gradients = torch.autograd.grad(total, parameters, allow_unused=True, materialize_grads=True)
        totals.append((total, gradients))
    (one, ours), (other, theirs) = totals
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    for mine, yours in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, yours, rtol=1e-4, atol=1e-5)


def test_auxiliary_losses_are_added_by_the_share_of_the_batch():
    model = double_model()
    batch = next_item_batch(*HISTORIES)
    settings = Negatives(count=9)

    def total(weights, auxiliary):
        return ScoredObjective(ByScores(model, auxiliary), Bpr(), settings, POPULARITY)(batch, weights, MOMENT)

    whole, half = torch.full((12,), 1 / 12), torch.full((12,), 1 / 24)
    extra = {"one": torch.tensor(2.0), "other": torch.tensor(0.5)}
    torch.testing.assert_close(total(whole, extra), total(whole, {}) + 2.5)
    torch.testing.assert_close(total(half, extra), total(half, {}) + 1.25)


def test_the_protocol_chooses_the_objective():
    model = double_model()
    assert isinstance(model, Factorised)
    assert not isinstance(ByScores(model), Factorised)
    assert isinstance(ByScores(model), Scored)
    settings = Negatives(count=9)
    assert isinstance(make_objective(model, Bpr(), settings, POPULARITY), FactorisedObjective)
    assert isinstance(make_objective(ByScores(model), Bpr(), settings, POPULARITY), ScoredObjective)
    with pytest.raises(TypeError, match="neither training_steps nor training_scores"):
        make_objective(torch.nn.Linear(1, 1), Bpr(), settings, POPULARITY)


def test_what_needs_the_whole_catalog_is_refused():
    model = ByScores(double_model())
    with pytest.raises(ConfigError, match=r"cannot rank against all items; draw negatives, such as `training\.neg"):
        make_objective(model, CrossEntropy(), Negatives(), POPULARITY)
    with pytest.raises(ConfigError, match="loss cosine reads item vectors"):
        make_objective(model, Cosine(), Negatives(), POPULARITY)


def test_scores_of_candidates_are_those_of_the_whole_catalog():
    model = toy_model("hybrid", unknown=UNKNOWN)
    batch = next_item_batch(*HISTORIES)
    factors, queries = model.factors(), model.queries(batch)
    whole = product_scores(factors, queries)
    for ids in (torch.tensor([4, 7, 0]), torch.tensor([[1, 2], [3, 4], [5, 6], [7, 8]])):
        expected = whole[:, ids] if ids.dim() == 1 else whole.gather(1, ids)
        torch.testing.assert_close(product_scores(factors, queries, ids), expected)
