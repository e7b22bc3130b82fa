"""The base classes of a model's parts: what a subclass must implement, and how the rest refuses."""

import pytest
import torch
from support.tiny_models import MeanPool

from embrec.models.encoders.base import SequenceEncoder
from embrec.models.item_based import ItemBasedModel
from embrec.models.items.base import ItemEncoder
from embrec.models.items.cached import CachedItems
from embrec.models.losses.cosine import Cosine
from embrec.models.losses.cross_entropy import CrossEntropy
from embrec.models.users.base import UserVector


@pytest.mark.parametrize(
    ("base", "method"),
    [(ItemEncoder, "all_items"), (SequenceEncoder, "forward"), (UserVector, "forward"), (ItemBasedModel, "score")],
)
def test_a_part_without_its_method_is_refused_when_it_is_made(base, method):
    unfinished = type("Unfinished", (base,), {})
    with pytest.raises(TypeError, match=f"Unfinished.*{method}"):
        unfinished()


def test_an_encoder_of_whole_histories_refuses_single_events():
    encoder, x = MeanPool(2), torch.ones(1, 2)
    with pytest.raises(TypeError, match="MeanPool reads whole histories only"):
        encoder.init_state(1, x)
    with pytest.raises(TypeError, match="MeanPool reads whole histories only"):
        encoder.step(x, None)


def test_a_model_whose_scores_are_no_products_has_no_queries():
    class Anything(ItemBasedModel):
        def score(self, batch, candidates=None):
            return torch.zeros(len(batch.items), 3)

    model = Anything(CachedItems(torch.zeros(3, 2)), torch.tensor([False, True, True]))
    assert model.factors() is None
    with pytest.raises(TypeError, match="Anything are no sums of products"):
        model.queries(None)


def test_a_loss_refuses_the_form_that_it_does_not_have():
    with pytest.raises(TypeError, match="Cosine has no score_form"):
        Cosine().score_form(1, 2)
    with pytest.raises(TypeError, match="CrossEntropy has no target_form"):
        CrossEntropy().target_form()
