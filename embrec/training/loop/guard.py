"""Divergence guard: watches loss and gradient norm, so that a diverging training stops with the step that went wrong."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from embrec.training.loop.shards import Shard

# Steps whose values are read at once where each reading waits for an accelerator or other processes.
_STEPS_A_READING = 16


class LossSummary(NamedTuple):
    """The losses of some steps, and the first value among them that is not finite.

    Attributes:
        loss_sum: sum over the steps of loss times count.
        counted: sum of the counts.
        steps_ago: number of steps since the first one whose loss or gradient is not finite, 1 for the last step; 0 if none.
        what: the loss or gradient norm that is not finite, in words; empty if all are finite.
    """

    loss_sum: float
    counted: int
    steps_ago: int
    what: str


class Guard:
    """Keeps loss and gradient norm of the last steps on their device, and reads several steps at once.

    On a CPU each step is read immediately. On an accelerator each reading makes the host wait, and with several processes it
    needs communication, so 16 steps are read at once. Checkpoints are written right after a reading, so that no checkpoint
    contains a diverged training.

    Args:
        shard: part of this process in the training.
    """

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        alone = shard.world == 1 and shard.device.type == "cpu"
        self.values = torch.zeros(1 if alone else _STEPS_A_READING, 2, device=shard.device)
        self.counts: list[int] = []

    @property
    def full(self) -> bool:
        """True if the values must be read before the next step."""
        return len(self.counts) == len(self.values)

    def add(self, loss: Tensor, norm: Tensor, count: int) -> None:
        """Keep the values of a step.

        Args:
            loss: loss of the step, a scalar.
            norm: norm of its gradient, a scalar.
            count: weight of the loss in the mean over steps.
        """
        place = self.values[len(self.counts)]
        place[0] = loss.detach()
        place[1] = norm
        self.counts.append(count)

    def read(self) -> LossSummary:
        """Return the summary of the steps since the last reading."""
        values = self.values[: len(self.counts)]
        self.shard.mean_(values)
        losses, norms = values.T.tolist() if self.counts else ([], [])
        counts, self.counts = self.counts, []
        loss_sum = 0.0
        for step, (loss, norm, count) in enumerate(zip(losses, norms, counts, strict=True)):
            if not (math.isfinite(loss) and math.isfinite(norm)):
                what = f"the gradient's norm is {norm}" if math.isfinite(loss) else f"the loss is {loss}"
                return LossSummary(loss_sum, sum(counts[:step]), len(counts) - step, what)
            loss_sum += loss * count
        return LossSummary(loss_sum, sum(counts), 0, "")
