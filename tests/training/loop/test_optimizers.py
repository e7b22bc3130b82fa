"""Every optimiser moves the weights by its own rule, and L2 and limits act on the gradient before it."""

import pytest
import torch
from support.toys import toy_model
from torch import nn

from embrec.errors import ConfigError
from embrec.models.interface import ParameterGroup
from embrec.training.config import TrainingConfig
from embrec.training.loop.gradients import GradientRules
from embrec.training.loop.optimizers import Adagrad, make_optimizer
from embrec.training.loop.precision import Precision
from embrec.training.loop.updates import Updates

GRADIENTS = [torch.tensor([1.0, -2.0, 0.0]), torch.tensor([0.5, 3.0, -1.0]), torch.tensor([2.0, 0.1, 0.3])]


def moved(config, gradients=GRADIENTS):
    """The weights [1, 2, 3] after some steps."""
    weight = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
    optimizer = make_optimizer([weight], config)
    for gradient in gradients:
        weight.grad = gradient.clone()
        optimizer.step()
    return weight.detach()


def test_adagrad_with_momentum_is_that_of_gru4rec():
    config = TrainingConfig(optimizer="adagrad", learning_rate=0.1, momentum=0.3)
    weight, sums, move = torch.tensor([1.0, 2.0, 3.0]), torch.zeros(3), torch.zeros(3)
    for gradient in GRADIENTS:
        sums = sums + gradient**2
        move = 0.3 * move - 0.1 * gradient / torch.sqrt(sums + 1e-6)
        weight = weight + move
    assert torch.allclose(moved(config), weight)


@pytest.mark.parametrize("optimizer", ["adamw", "adagrad", "sgd"])
def test_a_group_has_a_rate_and_a_decay_of_its_own(optimizer):
    class InGroups(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
            self.other = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))

        def parameter_groups(self):
            return [ParameterGroup([self.one]), ParameterGroup([self.other], rate=0.5, weight_decay=0.2)]

    config = TrainingConfig(optimizer=optimizer, learning_rate=0.1, schedule={"warm_up": 2})
    model, device = InGroups(), torch.device("cpu")
    updates = Updates(model, config, Precision("float32", device), steps_an_epoch=3)
    for step, gradient in enumerate(GRADIENTS):
        updates.apply((model.one * gradient).sum() + (model.other * gradient).sum(), 0, step)
    expected = []
    for settings in ({}, {"learning_rate": 0.05, "weight_decay": 0.2}):
        alone = nn.ParameterList([nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))])
        one = Updates(alone, config.model_copy(update=settings), Precision("float32", device), steps_an_epoch=3)
        for step, gradient in enumerate(GRADIENTS):
            one.apply((alone[0] * gradient).sum(), 0, step)
        expected.append(alone[0].detach())
    torch.testing.assert_close(model.one.detach(), expected[0])
    torch.testing.assert_close(model.other.detach(), expected[1])


def test_adagrad_without_momentum_is_torchs():
    ours = moved(TrainingConfig(optimizer="adagrad", learning_rate=0.1, weight_decay=0.01))
    weight = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))
    theirs = torch.optim.Adagrad([weight], lr=0.1, weight_decay=0.01, eps=1e-6)
    for gradient in GRADIENTS:
        weight.grad = gradient.clone()
        theirs.step()
    assert torch.allclose(ours, weight.detach(), atol=1e-4)


def test_adagrad_leaves_weights_without_a_gradient_alone():
    weights = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))]
    weights[0].grad = torch.ones(2)
    Adagrad(weights, 0.1, momentum=0.5).step()
    assert torch.equal(weights[1].detach(), torch.ones(2))
    assert not torch.equal(weights[0].detach(), torch.ones(2))


def test_sgd_with_momentum_and_weight_decay_in_the_gradient():
    weight, move = torch.tensor([1.0, 2.0, 3.0]), torch.zeros(3)
    for gradient in GRADIENTS:
        move = 0.9 * move + gradient + 0.1 * weight
        weight = weight - 0.01 * move
    config = TrainingConfig(optimizer="sgd", learning_rate=0.01, momentum=0.9, weight_decay=0.1)
    assert torch.allclose(moved(config), weight)


def test_weight_decay_is_decoupled_with_adamw_only():
    still = [torch.zeros(3)]
    adamw = moved(TrainingConfig(optimizer="adamw", learning_rate=0.1, weight_decay=0.5), still)
    assert torch.allclose(adamw, torch.tensor([1.0, 2.0, 3.0]) * 0.95)
    adam = moved(TrainingConfig(optimizer="adam", learning_rate=0.1, weight_decay=0.5), still)
    assert torch.allclose(
        adam, torch.tensor([0.9, 1.9, 2.9])
    )  # in the gradient, Adam makes of it a step of the full rate


def test_the_betas_are_those_of_adam():
    quick = TrainingConfig(optimizer="adam", learning_rate=0.1, betas=(0.0, 0.0))
    assert torch.allclose(moved(quick, GRADIENTS[:1]), torch.tensor([0.9, 2.1, 3.0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "adamw", "momentum": 0.9}, "momentum is of sgd and adagrad, but optimizer is adamw"),
        ({"optimizer": "sgd", "betas": (0.8, 0.9)}, "betas are of adam and adamw, but optimizer is sgd"),
        ({"betas": (0.9, 1.0)}, "less than 1"),
        ({"schedule": {"floor": 0.1}}, "floor is where a cosine ends"),
    ],
)
def test_settings_that_would_do_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**options)


def with_gradients(model):
    for place, weight in enumerate(model.parameters()):
        weight.grad = torch.full_like(weight, 0.01 * (place + 1))
    return model


def norm(model):
    return torch.sqrt(sum((weight.grad**2).sum() for weight in model.parameters()))


def test_l2_adds_its_weight_times_the_weights_of_a_part_to_the_gradient():
    model = with_gradients(toy_model("hybrid"))
    before = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    GradientRules(model, {"items.identity": 0.3, "query.bias": 2.0}).apply()
    for name, weight in model.named_parameters():
        l2 = {"items.identity.weight": 0.3, "query.bias": 2.0}.get(name, 0.0)
        assert torch.allclose(weight.grad, before[name] + l2 * weight.detach())


def test_l2_acts_before_the_norm_is_limited():
    model = with_gradients(toy_model("id"))
    GradientRules(model, {"items": 100.0}, clip_norm=0.5).apply()
    assert norm(model) == pytest.approx(0.5, rel=1e-4)


def test_an_unknown_part_is_answered_with_the_parts_there_are():
    with pytest.raises(
        ConfigError, match=r"no part 'item'; did you mean 'items'.* there are: .*items, items\.weight, "
    ) as error:
        GradientRules(toy_model("id"), {"item": 0.1})
    assert "\n" not in str(error.value)


def test_the_norm_is_limited_and_reported_as_it_was():
    model = with_gradients(toy_model())
    before = norm(model)
    reported = GradientRules(model, {}, clip_norm=float(before) / 2).apply()
    assert reported == pytest.approx(float(before))
    assert norm(model) == pytest.approx(float(before) / 2, rel=1e-4)
    assert GradientRules(model, {}, clip_norm=100.0).apply() == pytest.approx(float(norm(model)))


def test_entries_are_limited_before_the_norm():
    model = with_gradients(toy_model())
    GradientRules(model, {}, clip_value=0.02).apply()
    assert max(weight.grad.max() for weight in model.parameters()) == pytest.approx(0.02)
    GradientRules(model, {}, clip_value=0.01, clip_norm=0.05).apply()
    assert norm(model) == pytest.approx(0.05, rel=1e-4)


def test_a_gradient_that_is_infinite_is_seen_though_its_entries_are_limited():
    model = with_gradients(toy_model())
    model.query.bias.grad[0] = float("inf")
    assert not GradientRules(model, {}, clip_value=1.0).apply().isfinite()
