"""User hold-out split: evaluation with users that training never saw, from their second event on."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from embrec.data.interactions import Interactions
from embrec.data.splits.partition import Partition, Positions, make_partition
from embrec.validation import Checked


class UserHoldout(Checked):
    """Some users are held out with all their events; every event after their first one is a target.

    The protocol of [semikin2019] section 4.3 (a tenth of the users, every prefix scored), with further held-out users for
    validation. `targets=last` predicts the last event of each user only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["user-holdout"] = "user-holdout"
    valid: Annotated[float, Field(gt=0, lt=1, description="share of the users that choose the model")] = 0.05
    test: Annotated[float, Field(gt=0, lt=1, description="share of the users that judge it")] = 0.1
    targets: Annotated[
        Literal["all", "last"], Field(description="every event but the first of each of these users, or the last alone")
    ] = "all"
    seed: Annotated[int, Field(ge=0, description="of the choice of users")] = 0

    @model_validator(mode="after")
    def _leaves_training_users(self) -> "UserHoldout":
        if self.valid + self.test >= 1:
            raise ValueError(f"valid {self.valid} and test {self.test} leave no users to train on; lower one of them")
        return self

    def __call__(self, interactions: Interactions, n_items: int) -> Partition:
        """Divide the log; see `Split`."""
        eligible = np.flatnonzero(interactions.lengths >= 2)
        drawn = np.random.default_rng(self.seed).permutation(eligible)
        n_test, n_valid = round(self.test * len(drawn)), round(self.valid * len(drawn))
        role = np.zeros(interactions.n_users, dtype=np.int8)
        role[drawn[:n_test]] = 2
        role[drawn[n_test : n_test + n_valid]] = 1
        of_event = role[interactions.user]
        asked = interactions.position > 0
        if self.targets == "last":
            asked &= interactions.position == interactions.lengths[interactions.user] - 1

        def targets(which: int) -> Positions:
            chosen: NDArray[np.bool_] = asked & (of_event == which)
            return Positions.of_events(interactions, chosen)

        return make_partition(
            interactions,
            n_items,
            train=of_event == 0,
            valid=targets(1),
            test=targets(2),
            train_and_valid=of_event != 2,
            advice=f"there are {len(eligible):,} users with two events and more: hold out a larger share of them",
        )
