"""Everyone who is served: the users that are learned from with all of their events, and those whom the filters left out.

Filters decide what is trained on and measured, not who is served: `load_dataset` reads what is learned from, `load_everyone`
the events of all users, as far as their items are in the catalog.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.data.store import Dataset, load_with_others
from embrec.errors import DataError
from embrec.names import did_you_mean
from embrec.parameters import parameter
from embrec.workspace import Category

# Settings of an import by which an item may lose its place in the catalog.
_FILTERS = ("min_item_events", "min_user_events", "last", "min_history")
_MOST_NEAR = 5_000  # users whose names are compared with one that is unknown


@dataclass(frozen=True)
class Everyone(Dataset):
    """A data set whose log holds everyone.

    Attributes:
        n_learned: how many of the users are learned from; they come first.
    """

    n_learned: int = 0

    def user_index(self, user: str) -> int:
        """Return the index of a user by name.

        Raises:
            DataError: the log has no such user, or no event of theirs is of an item in the catalog.
        """
        with contextlib.suppress(DataError):
            return self.interactions.user_index(user)
        events = [] if self.others is None else self.others.users.filter(pl.col("user") == user)["events"].to_list()
        if events:
            of = "its only event is of an item" if events == [1] else f"all of its {events[0]:,} events are of items"
            raise DataError(
                f"user {user!r} is in the log, but {of} dropped by the filter of the import{_filters(self.meta)}"
            )
        names = self.interactions.user_ids
        advice = did_you_mean(user, _near(user, names)) or f"; their ids look like {names[0]!r}"
        if self.others is None and self.meta.get("report", {}).get("dropped_users"):
            advice += (
                "; if it was dropped by the filter of the import, run the same import again: it keeps everyone since, and "
                "changes nothing else"
            )
        raise DataError(f"no user {user!r} among the {len(names):,} users of the log{advice}")


def load_everyone(category: Category | str) -> Everyone:
    """Read the data set of a category with the events of everyone, in time order: those that are learned from, and the others.

    Users who are learned from stand first, in the order of `load_dataset`; the others follow in the order of their first
    event. Events of items that are not in the catalog are left out, and users who have no others.

    Raises:
        ConfigError: what is given is no category and no name of one.
        DataError: the category does not exist or was written by another version.
    """
    dataset = load_with_others(Category.of(category))
    if dataset.others is None:
        return Everyone(dataset.catalog, dataset.interactions, dataset.meta, n_learned=dataset.interactions.n_users)
    return Everyone(
        dataset.catalog,
        dataset.others.together_with(dataset.interactions),
        dataset.meta,
        dataset.others,
        n_learned=dataset.interactions.n_users,
    )


def learned_user(category: Category, log: Interactions, user: str) -> int:
    """Return the index of a user by name in the log that is learned from.

    Args:
        category: whose log it is.
        log: as `load_dataset` has it.
        user: its name.

    Raises:
        DataError: the user is not in it; the message says so where a filter dropped it.
    """
    try:
        return log.user_index(user)
    except DataError:
        everyone = load_everyone(category)
        everyone.user_index(user)  # says what is wrong with users whom nobody knows
        raise DataError(
            f"user {user!r} is served, but neither learned from nor measured: dropped by the filter of the import"
            f"{_filters(everyone.meta)}; name another one"
        ) from None


def _filters(meta: Mapping[str, Any]) -> str:
    """Return the settings that dropped events, as they are typed, in brackets; empty where it is not known."""
    report, preparation = meta.get("report", {}), meta.get("preparation", {})
    at_work = {setting for reason, setting in report.get("settings", {}).items() if report["dropped"][reason]}
    typed = [parameter(name, preparation[name]) for name in _FILTERS if name in at_work]
    return f" ({', '.join(typed)})" if typed else ""


def _near(user: str, names: NDArray[np.object_]) -> list[str]:
    """Return users whose names begin or end as `user` does: to compare it with millions would take minutes."""
    half = max(1, len(user) // 2)
    known = pl.Series(names.tolist(), dtype=pl.String)
    plain = known.str.to_lowercase()
    alike = plain.str.starts_with(user[:half].lower()) | plain.str.ends_with(user[-half:].lower())
    return known.filter(alike).head(_MOST_NEAR).to_list()
