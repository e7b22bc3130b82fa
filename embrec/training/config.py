"""Configuration of a training: loss, negatives, optimiser, schedule and early stopping."""

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from embrec.distributions import Choice, LogUniform, Searchable
from embrec.models.losses.config import LossConfig
from embrec.models.losses.cross_entropy import CrossEntropy
from embrec.models.negatives import Negatives, NegativesConfig
from embrec.validation import Checked


class Schedule(Checked):
    """The learning rate over time: rising during the warm-up, then constant or falling along half a cosine.

    Use a warm-up for transformers, which are unstable at the full rate at first, and a cosine for trainings of fixed length.
    A name alone is a schedule with its defaults: `schedule="cosine"`. Source of the cosine: [loshchilov2017].

    Examples:
        >>> Schedule(name="cosine", warm_up=100, floor=0.1).moves
        True
        >>> Schedule().moves
        False
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[Literal["constant", "cosine"], Field(description="shape after the warm-up")] = "constant"
    warm_up: Annotated[int, Field(ge=0, description="number of steps or epochs until the full learning rate")] = 0
    unit: Annotated[Literal["step", "epoch"], Field(description="unit of the schedule and of its warm_up")] = "step"
    floor: Annotated[float, Field(ge=0, le=1, description="final share of the learning rate of a cosine")] = 0.0

    @model_validator(mode="after")
    def _floor_is_of_a_cosine(self) -> "Schedule":
        if self.floor and self.name != "cosine":
            raise ValueError(f"floor is where a cosine ends, but the schedule is {self.name}; leave it out")
        return self

    @property
    def moves(self) -> bool:
        """True if the learning rate changes during training."""
        return self.name != "constant" or self.warm_up > 0

    def factor(self, done: int, total: int) -> float:
        """Return the factor of the learning rate.

        In the warm-up the factor rises linearly to 1, which it has at the last step or epoch of the warm-up. Then it stays, or
        it falls along half a cosine that would reach the floor right after the last step or epoch.

        Args:
            done: number of finished steps or epochs.
            total: largest number of steps or epochs.

        >>> [Schedule(name="cosine", warm_up=2).factor(done, total=6) for done in (0, 1, 2, 4)]
        [0.5, 1.0, 1.0, 0.5]
        """
        if done < self.warm_up:
            return (done + 1) / self.warm_up
        if self.name == "constant":
            return 1.0
        way = min(1.0, (done - self.warm_up) / max(1, total - self.warm_up))
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * way)) / 2


def _from_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class TrainingConfig(Checked):
    """Settings of a training: loss and negatives, optimiser, batches, early stopping, hardware.

    The defaults train with cross-entropy against all items by AdamW, until the validation metric `select_by` has not improved
    for `patience` epochs, and keep the weights of the best epoch. A loss, a schedule and negatives can be given by name or
    number alone. Sources of the optimisers: [kingma2015] for adam, [loshchilov2019] for adamw, [duchi2011] for adagrad.

    Examples:
        >>> config = TrainingConfig(loss="bpr-max", negatives=256, learning_rate=0.003)
        >>> config.loss.name, config.negatives.count, config.optimizer
        ('bpr-max', 256, 'adamw')
        >>> TrainingConfig(learn_from="train+validation", epochs=12).validates
        False
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    loss: Annotated[LossConfig, Field(description="loss to minimise")] = CrossEntropy()
    negatives: Annotated[NegativesConfig, Field(description="items that the next item is ranked against")] = Negatives()
    reduction: Annotated[
        Literal["token-mean", "user-mean"], Field(description="mean over all steps, or mean over users of their means")
    ] = "token-mean"
    learn_from: Annotated[
        Literal["train", "train+validation"],
        Field(
            description="events to learn from; train+validation is for a final training once everything is chosen: it learns "
            "from the validation events too, for exactly `epochs` epochs, and keeps the last epoch"
        ),
    ] = "train"
    epochs: Annotated[int, Field(ge=1, description="largest number of epochs; the exact number without validation")] = (
        30
    )
    batch_size: Annotated[int, Field(ge=1, description="number of histories in a step")] = 128
    batch_tokens: Annotated[
        int | None, Field(ge=1, description="number of events in a step, padding included; replaces batch_size")
    ] = None
    bucket: Annotated[bool, Field(description="batches of histories of similar length, for little padding")] = True
    optimizer: Annotated[Literal["adam", "adamw", "adagrad", "sgd"], Field(description="optimiser")] = "adamw"
    learning_rate: Annotated[
        float, Field(gt=0, description="learning rate of the optimiser"), Searchable(LogUniform(1e-4, 1e-2))
    ] = 1e-3
    betas: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]],
        Field(description="decay rates of the moments of adam and adamw"),
    ] = (0.9, 0.999)
    momentum: Annotated[float, Field(ge=0, lt=1, description="momentum of sgd and adagrad")] = 0.0
    weight_decay: Annotated[
        float,
        Field(ge=0, description="L2 on all weights: decoupled with adamw, in the gradient with other optimisers"),
        Searchable(Choice((0.0, LogUniform(1e-4, 0.3))), lambda training: training.optimizer == "adamw"),
    ] = 0.0
    l2: Annotated[
        dict[str, Annotated[float, Field(ge=0)]],
        Field(description="L2 on named parts of the model, such as {items.weight: 1.0e-6}; not in the loss shown"),
    ] = Field(default_factory=dict)
    schedule: Annotated[Schedule, BeforeValidator(_from_name), Field(description="schedule of the learning rate")] = (
        Schedule()
    )
    clip_norm: Annotated[float, Field(ge=0, description="largest norm of the gradient; 0 = no limit")] = 0.0
    clip_value: Annotated[float, Field(ge=0, description="largest entry of the gradient; 0 = no limit")] = 0.0
    ema: Annotated[
        float, Field(ge=0, lt=1, description="decay of the moving average of the weights; 0 = no average")
    ] = 0.0
    select_by: Annotated[str, Field(description="validation metric that chooses the best epoch")] = "ndcg@10"
    patience: Annotated[int, Field(ge=1, description="number of epochs without a better value before stopping")] = 3
    validate_every: Annotated[
        int, Field(ge=1, description="number of epochs between validations; the last epoch always has one")
    ] = 1
    seed: Annotated[int, Field(ge=0, description="seed of weights, order of batches, negatives and dropout")] = 0
    device: Annotated[str, Field(description="device: auto, cpu, cuda or cuda:N")] = "auto"
    precision: Annotated[
        Literal["float32", "bfloat16", "float16"],
        Field(description="number format of matrix products; weights stay float32"),
    ] = "float32"
    compile: Annotated[bool, Field(description="compilation of the model with torch.compile")] = False
    workers: Annotated[int, Field(ge=1, description="number of processes that share each batch, by Ray Train")] = 1
    checkpoint_seconds: Annotated[float, Field(ge=0, description="seconds between checkpoints within an epoch")] = 60.0

    @property
    def validates(self) -> bool:
        """True if validation selects the epoch; if not, `select_by`, `patience` and `validate_every` are ignored."""
        return self.learn_from == "train"

    @model_validator(mode="after")
    def _loss_fits_the_negatives(self) -> "TrainingConfig":
        loss, negatives = self.loss, self.negatives
        if loss.needs == "sample" and not negatives.sampled:
            raise ValueError(
                f"loss {loss.name} needs sampled negatives; give a number (negatives 256), or cross-entropy"
            )
        if loss.needs == "nothing" and negatives != Negatives():
            raise ValueError(f"loss {loss.name} has no negatives; leave them out, or choose another loss")
        return self

    @model_validator(mode="after")
    def _settings_fit_the_optimizer(self) -> "TrainingConfig":
        if self.momentum and self.optimizer not in ("sgd", "adagrad"):
            raise ValueError(f"momentum is of sgd and adagrad, but optimizer is {self.optimizer}; set betas instead")
        if self.betas != (0.9, 0.999) and self.optimizer not in ("adam", "adamw"):
            raise ValueError(f"betas are of adam and adamw, but optimizer is {self.optimizer}; set momentum instead")
        return self
