"""Losses by name: those of a program beside the built-in ones."""

from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field
from support.categories import config_of, toy_category
from torch.nn import functional as F

from embrec.distributions import Searchable, Uniform
from embrec.errors import ConfigError
from embrec.models.losses import config
from embrec.models.losses.config import LOSSES, Loss
from embrec.models.losses.cross_entropy import CrossEntropy
from embrec.runs.pipeline import train
from embrec.runs.settings import list_settings
from embrec.tuning.space import default_space


class Hinge(Loss):
    """Each negative should score below the next item by a margin."""

    name: Literal["hinge"] = "hinge"
    margin: Annotated[float, Field(gt=0, description="the margin"), Searchable(Uniform(0.1, 2))] = 1.0

    def score_form(self, negatives, catalog):
        """Return the loss as a function."""

        def hinge(positive, negatives, mask):
            each = F.relu(self.margin + negatives - positive[:, None]).masked_fill(~mask, 0.0)
            return each.sum(dim=1) / mask.sum(dim=1).clamp(min=1)

        return hinge


class SquaredDistance(Loss):
    """The query should be where the vector of the next item is."""

    name: Literal["distance"] = "distance"
    needs: ClassVar[str] = "nothing"

    def target_form(self):
        """Return the loss as a function."""
        return lambda queries, targets: (queries - targets).square().sum(dim=1)


@pytest.fixture
def registered():
    config.register(Hinge)
    config.register(SquaredDistance)
    yield
    LOSSES.unregister("hinge")
    LOSSES.unregister("distance")


@pytest.mark.usefixtures("registered")
def test_a_loss_of_a_program_is_listed_searched_and_trained(tmp_path):
    rows = {row.key: row for row in list_settings()}
    assert rows["training.loss.margin"].meaning == "of hinge: the margin"
    assert "hinge" in rows["training.loss"].meaning
    base = config_of("training.loss.margin=0.5", **{"training.loss": "hinge", "training.negatives.count": 8})
    assert base.training.loss == Hinge(margin=0.5)
    assert "training.loss.margin" in default_space(base).settings
    result = train(toy_category(tmp_path), base, "one")
    assert result.run.config().training.loss == Hinge(margin=0.5)
    history = result.run.events.read_text(encoding="utf-8").splitlines()
    assert len(history) == 2


@pytest.mark.usefixtures("registered")
def test_a_loss_without_negatives_asks_for_fixed_targets():
    with pytest.raises(ConfigError, match="loss distance needs targets that training cannot move"):
        config_of(**{"training.loss": "distance"})
    with pytest.raises(ConfigError, match="loss distance has no negatives"):
        config_of(**{"training.loss": "distance", "training.negatives.count": 8})


def test_without_registration_it_is_unknown():
    with pytest.raises(
        ConfigError, match=r"'training.loss' is 'hinge'; there are: cross-entropy, sampled-softmax, bpr, "
    ):
        config_of(**{"training.loss": "hinge"})
    with pytest.raises(ConfigError, match="a subclass of Loss is expected"):
        config.register(CrossEntropy())


def test_every_loss_has_the_name_that_it_is_registered_by():
    assert {name: loss.model_fields["name"].default for name, loss in LOSSES.usable().items()} == {
        name: name for name in LOSSES
    }
