"""Exponential moving average of the weights, which often generalises better than the weights of the last step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """Keeps an exponential moving average of a model's weights; training itself does not change.

    After step t (from 0) the average a of the weights w becomes d a + (1 - d) w, where d is the decay, but at most
    (1 + t) / (10 + t), so that the initial weights soon lose their influence (as in TensorFlow). Source: [polyak1992].

    Args:
        model: model whose weights are averaged.
        decay: decay of the average; 0.999 averages over about a thousand steps, 0 keeps no average.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights: list[Tensor] = list(model.parameters()) if decay else []
        self.average = [weight.detach().clone() for weight in self.weights]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Add the weights after a step, counted from 0 over the whole training."""
        if self.average:
            decay = min(self.decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(self.average, self.weights, 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Exchange the model's weights for the averaged ones within the context."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for place, weight in enumerate(self.weights):
            weight.data, self.average[place] = self.average[place], weight.data

    def state_dict(self) -> dict[str, Any]:
        """Return the average for a checkpoint."""
        return {"average": self.average}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the average from a checkpoint."""
        for mine, saved in zip(self.average, state["average"], strict=True):
            mine.copy_(saved)
