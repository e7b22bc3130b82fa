"""The update of the weights: everything between the loss of a batch and the next batch."""

from typing import Any

import torch
from torch import Tensor, nn

from embrec.models.interface import Grouped
from embrec.training.config import TrainingConfig
from embrec.training.loop.averaging import WeightAverage
from embrec.training.loop.gradients import GradientRules
from embrec.training.loop.optimizers import make_optimizer
from embrec.training.loop.precision import Precision


class Updates:
    """Gradient, L2 and clipping, learning rate, optimiser and moving average.

    Args:
        model: the model to train.
        config: settings of the training.
        precision: scaler of the loss, for half precision.
        steps_an_epoch: number of steps of an epoch, for a schedule that counts steps.

    Raises:
        ConfigError: an L2 term names no part of the model.
    """

    def __init__(self, model: nn.Module, config: TrainingConfig, precision: Precision, steps_an_epoch: int) -> None:
        self.config = config
        self.scaler = precision.scaler
        self.steps = steps_an_epoch * config.epochs
        self.rules = GradientRules(model, config.l2, clip_value=config.clip_value, clip_norm=config.clip_norm)
        self.optimizer = make_optimizer(
            model.parameters(), config, model.parameter_groups() if isinstance(model, Grouped) else ()
        )
        self.average = WeightAverage(model, config.ema)

    def rate(self, epoch: int, step: int) -> float:
        """Return the learning rate; `step` counts over all epochs."""
        schedule = self.config.schedule
        done, total = (epoch, self.config.epochs) if schedule.unit == "epoch" else (step, self.steps)
        return self.config.learning_rate * schedule.factor(done, total)

    def apply(self, loss: Tensor, epoch: int, step: int) -> Tensor:
        """Backpropagate and take one optimiser step; return the gradient's norm as a scalar on the device (no host sync)."""
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        norm = self.rules.apply()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(epoch, step) * group.get("rate", 1.0)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.update(step)
        # If a scaled loss overflowed, the step was skipped, and the next one has a smaller scale.
        return torch.where(norm.isfinite(), norm, 0) if self.scaler.is_enabled() else norm

    def state_dict(self) -> dict[str, Any]:
        """Return the state that the next step depends on besides the weights, for a checkpoint."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": self.average.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.average.load_state_dict(state["average"])
