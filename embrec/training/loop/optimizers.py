"""The optimisers of a training configuration."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from embrec.models.interface import ParameterGroup
from embrec.training.config import TrainingConfig


def make_optimizer(
    parameters: Iterable[nn.Parameter], config: TrainingConfig, groups: Sequence[ParameterGroup] = ()
) -> Optimizer:
    """Return the optimiser of a configuration, in one fused kernel where torch has it for the weights' device.

    Args:
        parameters: the weights.
        config: the optimiser and its settings.
        groups: the same weights in groups with settings of their own; none if empty. A group's factor of the learning rate is
            its entry `rate`.
    """
    weights: list[Any] = list(parameters)
    fused = all(weight.device.type in ("cpu", "cuda") for weight in weights)
    if groups:
        weights = [_options(group) for group in groups]
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "adam":
        return Adam(weights, lr=rate, betas=config.betas, weight_decay=decay, fused=fused)
    if config.optimizer == "adamw":
        return AdamW(weights, lr=rate, betas=config.betas, weight_decay=decay, fused=fused)
    if config.optimizer == "adagrad":
        return Adagrad(weights, rate, momentum=config.momentum, weight_decay=decay)
    return SGD(weights, lr=rate, momentum=config.momentum, weight_decay=decay, fused=fused)


def _options(group: ParameterGroup) -> dict[str, Any]:
    """Return a group as torch's optimisers take it."""
    options = {"params": list(group.parameters), "rate": group.rate}
    return options if group.weight_decay is None else {**options, "weight_decay": group.weight_decay}


class Adagrad(Optimizer):
    """Adagrad with momentum, as in the code of GRU4Rec [hidasi2018]; torch's Adagrad has no momentum.

    For weights w and gradient g: s += g²; v = momentum v - rate g / sqrt(s + epsilon); w += v. Without momentum it differs from
    torch's Adagrad only in the position of epsilon, which torch adds to the square root. Source: [duchi2011].

    Args:
        parameters: the weights.
        learning_rate: learning rate.
        momentum: share of the last step that is added to the next one.
        weight_decay: factor of the weights that is added to the gradient (L2).
        epsilon: small number that keeps the first steps finite.
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        learning_rate: float,
        *,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        epsilon: float = 1e-6,
    ) -> None:
        options = {"lr": learning_rate, "momentum": momentum, "weight_decay": weight_decay, "epsilon": epsilon}
        super().__init__(parameters, options)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update the weights that have a gradient; a closure is not called."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            gradients = [weight.grad for weight in weights]
            if group["weight_decay"]:
                gradients = list(torch._foreach_add(gradients, weights, alpha=group["weight_decay"]))
            sums = self._of(weights, "sum")
            torch._foreach_addcmul_(sums, gradients, gradients)
            roots = torch._foreach_add(sums, group["epsilon"])
            torch._foreach_sqrt_(roots)
            if group["momentum"]:
                moves = self._of(weights, "move")
                torch._foreach_mul_(moves, group["momentum"])
                torch._foreach_addcdiv_(moves, gradients, roots, value=-group["lr"])
                torch._foreach_add_(weights, moves)
            else:
                torch._foreach_addcdiv_(weights, gradients, roots, value=-group["lr"])

    def _of(self, weights: list[nn.Parameter], name: str) -> list[Tensor]:
        """Return the state tensor of each weight by name, which starts at zero."""
        states: list[dict[str, Any]] = [self.state[weight] for weight in weights]
        for weight, state in zip(weights, states, strict=True):
            if name not in state:
                state[name] = torch.zeros_like(weight)
        return [state[name] for state in states]
