"""Changes of the gradient before the optimiser step: L2 on parts of the model, and clipping."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from embrec.errors import ConfigError
from embrec.names import there_are


class GradientRules:
    """Adds the gradient of the L2 terms, measures the norm, and clips.

    The L2 term of a part is weight / 2 times the sum of its squared parameters. Only its gradient is computed; the loss that is
    shown and logged does not contain it. Source of clipping by the norm: [pascanu2013].

    Args:
        model: model whose gradients are changed.
        l2: part of the model -> weight; a part is the dotted name of a parameter, or the beginning of several names.
        clip_value: largest absolute entry; 0 = no limit.
        clip_norm: largest norm of the whole gradient, after its entries were clipped; 0 = no limit.

    Raises:
        ConfigError: the model has no such part.
    """

    def __init__(
        self, model: nn.Module, l2: Mapping[str, float], *, clip_value: float = 0.0, clip_norm: float = 0.0
    ) -> None:
        self.weights = list(model.parameters())
        self.terms = [(parameters_of(model, part), weight) for part, weight in l2.items() if weight]
        self.clip_value = clip_value
        self.clip_norm = clip_norm

    @torch.no_grad()
    def apply(self) -> Tensor:
        """Change the gradients in place; return their norm before clipping as a scalar on the device (no host sync)."""
        for weights, weight in self.terms:
            having = [(each.grad, each.detach()) for each in weights if each.grad is not None]
            torch._foreach_add_([gradient for gradient, _ in having], [each for _, each in having], alpha=weight)
        gradients = [each.grad for each in self.weights if each.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        measured = norm
        if self.clip_value:
            torch.nn.utils.clip_grad_value_(self.weights, self.clip_value)
            if self.clip_norm:
                norm = torch.nn.utils.get_total_norm(gradients)
        if self.clip_norm:
            torch.nn.utils.clip_grads_with_norm_(self.weights, self.clip_norm, norm)
        return measured


def parameters_of(model: nn.Module, part: str) -> list[nn.Parameter]:
    """Return the parameters whose name is `part` or begins with `part` and a dot.

    Raises:
        ConfigError: there is no such parameter.
    """
    named = dict(model.named_parameters())
    found = [weight for name, weight in named.items() if name == part or name.startswith(f"{part}.")]
    if not found:
        paths = [name.split(".") for name in named]
        parts = dict.fromkeys(".".join(path[: i + 1]) for path in paths for i in range(min(2, len(path))))
        raise ConfigError(f"training.l2: the model has no part {part!r}{there_are(part, parts)}, and their parts")
    return found
