"""What the filters of an import took of the log: not learned from and not measured, but put aside to serve everyone.

Those are the events of users who were left out, and the events of kept users that are too old or of an item that is too
rare, as far as their items are in the catalog.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.interactions import Interactions

EVENTS, USERS = "others", "other_users"


@dataclass(frozen=True)
class OtherEvents:
    """The events and users that the log of a data set lacks, as two tables.

    Attributes:
        events: `user` (index among the users of the log and then those of `users`), `item` (catalog row), `time`, `place` (how
            many events of the same user in the log come before it) and context columns, sorted as the log is.
        users: `user` (name), `events` (how many there were, of any items) and `served` (how many of them stand in `events`) of
            each user without an event in the log; those with `served` 0 come last.
    """

    events: pl.DataFrame
    users: pl.DataFrame

    @property
    def n_served(self) -> int:
        """The number of users who are not in the log, and have an event of an item in the catalog."""
        return int((self.users["served"] > 0).sum())

    def counts(self) -> dict[str, int]:
        """Return the numbers of events, of users who are served beside those of the log, and of users without history."""
        served = self.n_served
        return {"events": len(self.events), "users": served, "without history": len(self.users) - served}

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the tables that are stored, name -> table."""
        return {EVENTS: self.events, USERS: self.users}

    def together_with(self, log: Interactions) -> Interactions:
        """Return the log of everyone: the users of `log` with all their events, then the others, each in order of time."""
        user = self.events["user"].to_numpy()
        place = self.events["place"].to_numpy()
        ends = np.full(self.n_served, len(log))
        before = np.concatenate([log.user_ptr[:-1], ends])[user] + place  # rows of `log`
        names = self.users["user"].head(self.n_served).to_numpy().astype(object)

        def column(kept: NDArray[Any], name: str) -> NDArray[Any]:
            return np.insert(kept, before, self.events[name].to_numpy())

        return replace(
            log,
            user_ids=np.concatenate([log.user_ids, names]),
            user=column(log.user, "user"),
            item=column(log.item, "item"),
            time=column(log.time, "time"),
            context={name: column(values, f"context.{name}") for name, values in log.context.items()},
        )
