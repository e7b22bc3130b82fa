"""Watching the loss and the gradient, so that a training that blew up stops and says where."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from embrec.training.loop.shards import Shard

# Steps whose numbers are read together where reading makes the host wait for an accelerator or other processes.
_STEPS_A_READING = 16


class LossSummary(NamedTuple):
    """What some steps came to.

    Attributes:
        loss_sum: sum over the steps of loss times count.
        counted: sum of the counts.
        steps_ago: how long ago the first step was whose loss or gradient is no finite number, 1 for the last; 0 if none.
        what: which of both, and its value; empty if all are finite.
    """

    loss_sum: float
    counted: int
    steps_ago: int
    what: str


class Guard:
    """Keeps loss and gradient norm of the last steps where they were computed, and reads them in one piece.

    On a CPU each step is read at once. On an accelerator that would make the host wait for every step, and among several
    processes each reading is a message, so several steps are read together. Checkpoints are written right after a reading,
    so none is ever written of a training that has blown up.
    """

    def __init__(self, shard: Shard) -> None:
        self.shard = shard
        alone = shard.world == 1 and shard.device.type == "cpu"
        self.values = torch.zeros(1 if alone else _STEPS_A_READING, 2, device=shard.device)
        self.counts: list[int] = []

    @property
    def full(self) -> bool:
        """Whether it is time to read."""
        return len(self.counts) == len(self.values)

    def add(self, loss: Tensor, norm: Tensor, count: int) -> None:
        """Remember a step: its loss and the norm of its gradient, scalars, and how much the loss counts in the mean."""
        place = self.values[len(self.counts)]
        place[0] = loss.detach()
        place[1] = norm
        self.counts.append(count)

    def read(self) -> LossSummary:
        """Return what the steps since the last reading came to, and forget them."""
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
