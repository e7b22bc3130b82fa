"""Shares of each history: the first part is learned from, all that follows is predicted event by event."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from embrec.data.interactions import Interactions
from embrec.data.splits.partition import Partition, Positions, make_partition
from embrec.validation import Checked


class PerUserRatio(Checked):
    """The first 90 % of each user's events are training, the next 5 % validation targets, the last 5 % test targets.

    The protocol of Donkers et al. (2017), made for histories of hundreds of events. Places are rounded down: a user
    of twenty events has 18 of training and one target of either kind, one of ten has nine of training and a test target. The
    history of a test target holds the validation targets before it. A user of one event is learned from.
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
            mend="histories are short for these shares: give smaller ones to training, or use leave-one-out",
        )


def _floor(numbers: NDArray[np.floating]) -> NDArray[np.int64]:
    """Round down, but not what is below a whole number by the error of a product alone: 20 * (.9 + .05)."""
    return np.floor(numbers + 1e-9).astype(np.int64)
