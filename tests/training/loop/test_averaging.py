"""The moving average of the weights."""

import torch
from torch import nn

from embrec.training.loop.averaging import WeightAverage


def layer():
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def test_the_average_moves_slowly_towards_the_weights():
    model = layer()
    average = WeightAverage(model, 0.5)
    expected = model.weight.detach().clone()
    for step in range(20):
        with torch.no_grad():
            model.weight += 1
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * model.weight.detach()
    with average.applied():
        assert torch.allclose(model.weight, expected)


def test_the_model_has_its_own_weights_back_afterwards():
    model = layer()
    average = WeightAverage(model, 0.9)
    with torch.no_grad():
        model.weight.zero_()
    with average.applied():
        assert model.weight.abs().sum() > 0
    assert model.weight.abs().sum() == 0


def test_without_a_decay_the_model_stands_for_itself():
    model = layer()
    before = model.weight.detach().clone()
    average = WeightAverage(model, 0.0)
    average.update(0)
    with average.applied():
        assert torch.equal(model.weight, before)
    assert average.state_dict() == {"average": []}
