"""Events that the filters of an import removed from the log: not used in training and evaluation, but kept for serving.

These are the events of removed users, and events of kept users that are too old or whose item is too rare; only events with
an item of the catalog are kept.
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
    """Events and users that the filters removed from the log of a data set, as two tables.

    Attributes:
        events: table with `user` (index into the users of the log followed by those of `users`), `item` (catalog row), `time`,
            `place` (number of earlier events of the same user in the log) and context columns, sorted like the log.
        users: table of the users without an event in the log: `user` (name), `events` (number of their events with any item)
            and `served` (number of their rows in `events`); those with `served` 0 come last.
    """

    events: pl.DataFrame
    users: pl.DataFrame

    @property
    def n_served(self) -> int:
        """The number of users outside the log with an event of an item in the catalog."""
        return int((self.users["served"] > 0).sum())

    def counts(self) -> dict[str, int]:
        """Return the numbers of events, of users outside the log with a history, and of users without one."""
        served = self.n_served
        return {"events": len(self.events), "users": served, "without history": len(self.users) - served}

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the stored tables, name -> table."""
        return {EVENTS: self.events, USERS: self.users}

    def together_with(self, log: Interactions) -> Interactions:
        """Return the log of all users: those of `log` with all their events, then the others, each history in time order."""
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
