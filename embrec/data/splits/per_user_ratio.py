"""Per-user ratio split: the first share of each history is training, every later event is a target."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from embrec.data.interactions import Interactions
from embrec.data.splits.partition import Partition, Positions, make_partition
from embrec.validation import Checked


class PerUserRatio(Checked):
    """The first 90 % of each user's events are training, the next 5 % validation targets, the last 5 % test targets.

    The protocol of [donkers2017], for histories of hundreds of events. Positions are rounded down: a user with twenty
    events has 18 training events and one target of each kind, a user with ten has nine training events and a test target. The
    history of a test target includes the validation targets before it. A single event of a user is a training event.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["per-user-ratio"] = "per-user-ratio"
    train: Annotated[float, Field(gt=0, lt=1, description="share of each user's events")] = 0.9
    valid: Annotated[float, Field(gt=0, lt=1, description="share of each user's events")] = 0.05

    @model_validator(mode="after")
    def _leaves_a_test_part(self) -> "PerUserRatio":
        if self.train + self.valid >= 1 - 1e-9:
            raise ValueError(f"train {self.train} and valid {self.valid} leave nothing to test with; lower one of them")
        return self

    def __call__(self, interactions: Interactions, n_items: int) -> Partition:
        """Divide the log; see `Split`."""
        lengths, position = interactions.lengths, interactions.position
        until_valid = np.maximum(1, _floor(lengths * self.train))[interactions.user]
        until_test = np.maximum(1, _floor(lengths * (self.train + self.valid)))[interactions.user]
        train, test = position < until_valid, position >= until_test
        valid = ~train & ~test
        return make_partition(
            interactions,
            n_items,
            train=train,
            valid=Positions.of_events(interactions, valid),
            test=Positions.of_events(interactions, test),
            train_and_valid=~test,
            advice="histories are short for these shares: give smaller ones to training, or use leave-one-out",
        )


def _floor(numbers: NDArray[np.floating]) -> NDArray[np.int64]:
    """Round down, with a tolerance for floating-point error: 20 * (.9 + .05) is 19."""
    return np.floor(numbers + 1e-9).astype(np.int64)
