"""A search, as plain values: what `search.yaml` holds."""

import math
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from embrec.errors import ConfigError
from embrec.evaluation.metrics import lower_is_better
from embrec.runs.config import RunConfig
from embrec.tuning.space import Space
from embrec.validation import Checked

# One epoch tells little: those that halving keeps after it are the fast starters, and the best in the end may be a slow one.
_GRACE = 3


class Halving(Checked):
    """Which trials are stopped early: asynchronous successive halving (ASHA, [li2020]).

    After `grace` epochs, and after each `reduction` times as many, only the best of every `reduction` trials goes on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    grace: Annotated[
        int | None,
        Field(ge=1, description=f"epochs that each trial has at least; default: {_GRACE}, if it has as many"),
    ] = None
    reduction: Annotated[float, Field(gt=1, description="of so many trials one goes on")] = 3.0


class SearchConfig(Checked):
    """Everything that the outcome of a search depends on besides the data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: Annotated[RunConfig, Field(description="what all trials share; training.select_by is the objective")]
    space: Annotated[dict[str, Any], Field(description="setting -> range, as users write it")]
    start: Annotated[
        tuple[dict[str, Any], ...], Field(description="settings that are tried first, such as published ones")
    ] = ()
    samples: Annotated[int, Field(ge=1, description="trials")] = 50
    algorithm: Annotated[Literal["tpe", "random"], Field(description="what proposes trials")] = "tpe"
    random_first: Annotated[
        int | None, Field(ge=1, description="trials drawn by chance before any is learned; default: by their number")
    ] = None
    halving: Annotated[
        Halving | None, Field(description="which trials are stopped early; none: all run to the end")
    ] = Halving()
    seed: Annotated[int, Field(ge=0, description="of the proposals")] = 0
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        Field(description="of the models trained with the best settings; none are if it is empty"),
    ] = (0, 1, 2)
    final_epochs: Annotated[
        int | None, Field(ge=1, description="of the models trained with the best settings; default: those of a trial")
    ] = None
    final_on: Annotated[
        Literal["train", "train+validation"],
        Field(
            description="what those models learn from; with validation events, for as many epochs as were best in the trial"
        ),
    ] = "train"

    @field_validator("space")
    @classmethod
    def _plain_space(cls, space: dict[str, Any]) -> dict[str, Any]:
        try:
            return Space.parse(space).plain()
        except ConfigError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _trials_validate(self) -> "SearchConfig":
        if not self.base.training.validates:
            raise ValueError(
                f"training.learn_from is {self.base.training.learn_from}, but trials are compared by validation; "
                "leave it out, and set final_on (--final-on) for the best model alone"
            )
        return self

    @model_validator(mode="after")
    def _grace_fits_the_epochs(self) -> "SearchConfig":
        if self.halving is not None and (self.halving.grace or 1) > self.epochs:
            raise ValueError(
                f"grace is {self.halving.grace} epochs, but a trial has only {self.epochs}; lower --grace or raise --epochs"
            )
        return self

    @property
    def objective(self) -> str:
        """The validation metric that is made best."""
        return self.base.training.select_by

    @property
    def sign(self) -> int:
        """1 if more of the objective is better, -1 if less is."""
        return -1 if lower_is_better(self.objective) else 1

    @property
    def epochs(self) -> int:
        """Epochs that a trial has at most."""
        return self.base.training.epochs

    @property
    def grace(self) -> int:
        """Epochs that each trial has at least."""
        if self.halving is None:
            return self.epochs
        return self.halving.grace or min(_GRACE, self.epochs)

    @property
    def chance(self) -> int:
        """Trials drawn by chance before any is learned: HyperOpt takes 20, which would be all of a small search."""
        return self.random_first or min(20, max(5, self.samples // 4))

    def parsed_space(self) -> Space:
        """Return the space."""
        return Space.parse(self.space)

    def why_not_the_base(self) -> str | None:
        """Return why no trial has the settings of the base configuration, if the space does not hold them."""
        space = self.parsed_space()
        own = space.values_of(self.base)
        return None if space.holds(own) else space.what_is_wrong(own)

    def rungs(self) -> list[int]:
        """Return after how many epochs trials are compared, from the first."""
        if self.halving is None:
            return []
        rungs, at = [], float(self.grace)
        while at < self.epochs:
            rungs.append(math.ceil(at))
            at *= self.halving.reduction
        return rungs
