"""The configuration of a search: the content of `search.yaml`."""

import math
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from embrec.errors import ConfigError
from embrec.evaluation.metrics import lower_is_better
from embrec.parameters import parameter
from embrec.runs.config import RunConfig
from embrec.tuning.space import Space
from embrec.validation import Checked

# After a single epoch, halving would keep the trials that learn fastest, while the best one in the end may start slowly.
_GRACE = 3


class Halving(Checked):
    """Settings of early stopping by asynchronous successive halving (ASHA).

    Trials are compared at rungs: after `grace` epochs, then after `reduction` times as many, and so on up to the epochs of a
    trial. At each rung only the best 1 / `reduction` of the trials that have reached it so far continue. The decision does not
    wait for the other trials, so no processor is idle; a search that runs many trials at once may keep a few more than
    synchronous halving would.

    A small `grace` and a large `reduction` save the most epochs, but favour settings that learn fast at the start. Set
    `halving` of the search to None if learning curves of good settings cross late.

    Sources: [li2020]; [jamieson2016] for the synchronous form.

    Examples:
        With at most 27 epochs, trials are compared after 3 and after 9 epochs:

        >>> from embrec.runs.presets import build_config
        >>> base = build_config("office", options={"model.source": "id", "training.epochs": 27})
        >>> SearchConfig(base=base, space={}, halving=Halving(grace=3, reduction=3)).rungs()
        [3, 9]
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    grace: Annotated[
        int | None,
        Field(
            ge=1,
            description=f"epochs before a trial may be stopped; default: {_GRACE}, or all epochs if there are fewer",
        ),
    ] = None
    reduction: Annotated[
        float, Field(gt=1, description="reduction factor N: the best 1/N of the trials at a rung continue")
    ] = 3.0


class SearchConfig(Checked):
    """Everything besides the data that determines the result of a search.

    A trial trains `base` with the values of one point of `space` and is judged by its best validation value of the objective,
    `base.training.select_by`. Points come from the tree of Parzen estimators (`algorithm="tpe"`, [bergstra2011]) or from
    random draws (`"random"`, [bergstra2012]); points of `start` are tried before any of them. `halving` stops weak trials
    early. Finally the best settings are trained once per seed of `seeds`, and only these models are tested.

    `plan_search` makes one from a preset, options and a space; `tune` runs it.

    Sources: [bergstra2011], [li2020]. The published search of [semikin2019] used the synchronous form, [li2018].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: Annotated[
        RunConfig, Field(description="configuration that all trials change; training.select_by is the objective")
    ]
    space: Annotated[dict[str, Any], Field(description="setting -> range, as users write it")]
    start: Annotated[
        tuple[dict[str, Any], ...], Field(description="settings to try first, such as published ones")
    ] = ()
    samples: Annotated[int, Field(ge=1, description="number of trials")] = 50
    algorithm: Annotated[Literal["tpe", "random"], Field(description="algorithm that proposes trials")] = "tpe"
    random_first: Annotated[
        int | None,
        Field(ge=1, description="random trials before the algorithm learns from results; default: depends on samples"),
    ] = None
    halving: Annotated[Halving | None, Field(description="early stopping; null: every trial trains all its epochs")] = (
        Halving()
    )
    seed: Annotated[int, Field(ge=0, description="seed of the proposals")] = 0
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        Field(description="seeds of the models trained with the best settings; empty: no model is trained"),
    ] = (0, 1, 2)
    final_epochs: Annotated[
        int | None,
        Field(ge=1, description="epochs of the models trained with the best settings; default: those of a trial"),
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
                f"leave it out, and set {parameter('final_on')} for the best model alone"
            )
        return self

    @model_validator(mode="after")
    def _grace_fits_the_epochs(self) -> "SearchConfig":
        if self.halving is not None and (self.halving.grace or 1) > self.epochs:
            raise ValueError(
                f"grace is {self.halving.grace} epochs, but a trial has only {self.epochs}; lower "
                f"{parameter('grace')} or raise {parameter('epochs')}"
            )
        return self

    @property
    def objective(self) -> str:
        """The validation metric to optimise."""
        return self.base.training.select_by

    @property
    def sign(self) -> int:
        """1 if larger values of the objective are better, -1 if smaller ones are."""
        return -1 if lower_is_better(self.objective) else 1

    @property
    def epochs(self) -> int:
        """Largest number of epochs of a trial."""
        return self.base.training.epochs

    @property
    def grace(self) -> int:
        """Number of epochs before a trial may be stopped."""
        if self.halving is None:
            return self.epochs
        return self.halving.grace or min(_GRACE, self.epochs)

    @property
    def random_trials(self) -> int:
        """Number of random trials at the start. HyperOpt's default of 20 would be all trials of a small search."""
        return self.random_first or min(20, max(5, self.samples // 4))

    def parsed_space(self) -> Space:
        """Return the search space as an object."""
        return Space.parse(self.space)

    def why_not_the_base(self) -> str | None:
        """Return why the space does not contain the settings of the base configuration; None if it does."""
        space = self.parsed_space()
        own = space.values_of(self.base)
        return None if space.holds(own) else space.what_is_wrong(own)

    def rungs(self) -> list[int]:
        """Return the numbers of epochs after which trials are compared, in ascending order; empty without early stopping."""
        if self.halving is None:
            return []
        rungs, at = [], float(self.grace)
        while at < self.epochs:
            rungs.append(math.ceil(at))
            at *= self.halving.reduction
        return rungs
