"""Global-time split: training events before one point in time, targets after it, as in production."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from embrec.data.interactions import Interactions
from embrec.data.splits.partition import Partition, Positions, make_partition
from embrec.data.times import require_timestamps
from embrec.validation import Checked


class GlobalTime(Checked):
    """The first 80 % of all events are training, the next 10 % validation, the last 10 % test.

    The only split in which no training event is later than a test target. FELRec [weimann2022] predicts every event (users and
    items may be new); [gusak2025] predicts each user's last event after the quantile: `targets=last`. A history holds all
    earlier events of the user, whichever part they belong to.

    Events of the same time are never divided: those at the time at which a share is reached belong to the later part, so the
    parts differ a little from their shares if many events share a time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["global-time"] = "global-time"
    train: Annotated[float, Field(gt=0, lt=1, description="share of the events, the earliest")] = 0.8
    valid: Annotated[float, Field(gt=0, lt=1, description="share of the events, those that follow")] = 0.1
    targets: Annotated[
        Literal["all", "first", "last"],
        Field(description="which events of a user in a part: all, the first or the last"),
    ] = "all"
    min_history: Annotated[
        int, Field(ge=0, description="targets with fewer earlier events of their user are left out")
    ] = 1

    @model_validator(mode="after")
    def _leaves_a_test_part(self) -> "GlobalTime":
        if self.train + self.valid >= 1 - 1e-9:
            raise ValueError(f"train {self.train} and valid {self.valid} leave nothing to test with; lower one of them")
        return self

    def __call__(self, interactions: Interactions, n_items: int) -> Partition:
        """Divide the log; see `Split`.

        Raises:
            DataError: a part is empty, or the times are positions in histories, not timestamps.
        """
        require_timestamps(interactions, "leave-one-out, per-user-ratio or user-holdout")
        first_valid, first_test = self.boundaries(interactions)
        time = interactions.time
        train, test = time < first_valid, time >= first_test
        return make_partition(
            interactions,
            n_items,
            train=train,
            valid=self._targets(interactions, ~train & ~test),
            test=self._targets(interactions, test),
            train_and_valid=~test,
            advice="events share their times, or histories are short: change the shares, or min_history",
        )

    def boundaries(self, interactions: Interactions) -> tuple[int, int]:
        """Return the times, in the unit of the log, at which validation and test begin."""
        at = [int(len(interactions) * share) for share in (self.train, self.train + self.valid + 1e-12)]
        moments = np.partition(interactions.time, at)[at]
        return int(moments[0]), int(moments[1])

    def _targets(self, interactions: Interactions, part: NDArray[np.bool_]) -> Positions:
        position = interactions.position
        asked = part & (position >= self.min_history)
        if self.targets != "all":
            events = np.flatnonzero(asked)
            user = interactions.user[events]
            edge = np.ones(len(events), dtype=bool)
            change = user[1:] != user[:-1]
            if self.targets == "first":
                edge[1:] = change
            else:
                edge[:-1] = change
            asked = np.zeros_like(asked)
            asked[events[edge]] = True
        return Positions.of_events(interactions, asked)
