"""The configuration of a training: loss, negatives, optimiser, schedule, stopping."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from embrec.distributions import Choice, LogUniform, Searchable
from embrec.models.losses.config import LossConfig
from embrec.models.losses.cross_entropy import CrossEntropy
from embrec.models.negatives import Negatives, NegativesConfig
from embrec.validation import Checked


class Schedule(Checked):
    """The learning rate over time: up during the warm-up, then constant or down along a cosine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["constant", "cosine"] = "constant"
    warm_up: Annotated[int, Field(ge=0, description="steps or epochs until the full rate is reached")] = 0
    unit: Annotated[Literal["step", "epoch"], Field(description="what the rate changes with, and warm_up counts")] = (
        "step"
    )
    floor: Annotated[float, Field(ge=0, le=1, description="share of the rate that a cosine ends at")] = 0.0

    @model_validator(mode="after")
    def _floor_is_of_a_cosine(self) -> "Schedule":
        if self.floor and self.name != "cosine":
            raise ValueError(f"floor is where a cosine ends, but the schedule is {self.name}; leave it out")
        return self

    @property
    def moves(self) -> bool:
        """True if the learning rate changes during training."""
        return self.name != "constant" or self.warm_up > 0


def _from_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class TrainingConfig(Checked):
    """The loss, the optimiser, the batches, and when to stop."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    loss: Annotated[LossConfig, Field(description="what is minimised")] = CrossEntropy()
    negatives: Annotated[NegativesConfig, Field(description="what the next item is ranked against")] = Negatives()
    reduction: Annotated[
        Literal["token-mean", "user-mean"], Field(description="mean over steps, or over users of the mean over steps")
    ] = "token-mean"
    learn_from: Annotated[
        Literal["train", "train+validation"],
        Field(
            description="train+validation is for a final training, after a search has chosen everything: the events kept for "
            "validation are learned from too, for exactly `epochs` epochs, and the last one is kept"
        ),
    ] = "train"
    epochs: Annotated[int, Field(ge=1, description="at most; exactly so many where nothing is validated")] = 30
    batch_size: Annotated[int, Field(ge=1, description="histories a step")] = 128
    batch_tokens: Annotated[
        int | None, Field(ge=1, description="events a step, padding included; takes the place of batch_size")
    ] = None
    bucket: Annotated[bool, Field(description="batch histories of like length, so that little is padded")] = True
    optimizer: Annotated[Literal["adam", "adamw", "adagrad", "sgd"], Field(description="the optimiser")] = "adamw"
    learning_rate: Annotated[float, Field(gt=0, description="of the optimiser"), Searchable(LogUniform(1e-4, 1e-2))] = (
        1e-3
    )
    betas: Annotated[
        tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]],
        Field(description="of adam and adamw"),
    ] = (0.9, 0.999)
    momentum: Annotated[float, Field(ge=0, lt=1, description="of sgd and adagrad")] = 0.0
    weight_decay: Annotated[
        float,
        Field(ge=0, description="L2 on all weights: decoupled with adamw, in the gradient with the others"),
        Searchable(Choice((0.0, LogUniform(1e-4, 0.3))), lambda training: training.optimizer == "adamw"),
    ] = 0.0
    l2: Annotated[
        dict[str, Annotated[float, Field(ge=0)]],
        Field(description="L2 on named parts of the model, such as {items.weight: 1.0e-6}; not in the loss shown"),
    ] = Field(default_factory=dict)
    schedule: Annotated[Schedule, BeforeValidator(_from_name), Field(description="of the learning rate")] = Schedule()
    clip_norm: Annotated[float, Field(ge=0, description="largest norm of the gradient; 0 = no limit")] = 0.0
    clip_value: Annotated[float, Field(ge=0, description="largest entry of the gradient; 0 = no limit")] = 0.0
    ema: Annotated[
        float, Field(ge=0, lt=1, description="decay of the moving average of the weights that is kept; 0 = none")
    ] = 0.0
    select_by: Annotated[str, Field(description="validation metric that chooses the best epoch")] = "ndcg@10"
    patience: Annotated[int, Field(ge=1, description="epochs without a better value before stopping")] = 3
    validate_every: Annotated[
        int, Field(ge=1, description="epochs between validations; the last epoch always has one")
    ] = 1
    seed: Annotated[int, Field(ge=0, description="of the weights, the order of batches, negatives and dropout")] = 0
    device: Annotated[str, Field(description="auto, cpu, cuda or cuda:N")] = "auto"
    precision: Annotated[
        Literal["float32", "bfloat16", "float16"], Field(description="of matrix products; weights stay float32")
    ] = "float32"
    compile: Annotated[bool, Field(description="compile the model with torch.compile")] = False
    workers: Annotated[int, Field(ge=1, description="processes that share each batch, through Ray Train")] = 1
    checkpoint_seconds: Annotated[float, Field(ge=0, description="time between checkpoints within an epoch")] = 60.0

    @property
    def validates(self) -> bool:
        """True if validation targets choose the epoch; if not, `select_by`, `patience` and `validate_every` are ignored."""
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
