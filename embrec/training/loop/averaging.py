"""A moving average of the weights: smoother than the weights of any single step, and often better."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """The average of a model's weights over its last steps, kept beside them.

    After step t (from 0) the average a of weights w becomes d a + (1 - d) w, with d the decay, but at first no more than
    (1 + t) / (10 + t), so that the random weights of the beginning are soon forgotten (as in TensorFlow).

    Args:
        model: whose weights; training goes on with them untouched.
        decay: 0.999 averages over about a thousand steps; 0 keeps no average, and the model stands for it.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights: list[Tensor] = list(model.parameters()) if decay else []
        self.average = [weight.detach().clone() for weight in self.weights]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step, counted from 0 over the whole training."""
        if self.average:
            decay = min(self.decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(self.average, self.weights, 1 - decay)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the model have the averaged weights for a while."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for place, weight in enumerate(self.weights):
            weight.data, self.average[place] = self.average[place], weight.data

    def state_dict(self) -> dict[str, Any]:
        """Return the average, for a checkpoint."""
        return {"average": self.average}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the average of a checkpoint."""
        for mine, saved in zip(self.average, state["average"], strict=True):
            mine.copy_(saved)
