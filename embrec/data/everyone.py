"""The log of all users, including users and events that the filters of the import removed from training and evaluation.

The filters decide what models are trained and evaluated on, not whom they serve: `load_dataset` reads the filtered log,
`load_everyone` the events of all users with items in the catalog.
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

# Settings of an import that remove events.
_FILTERS = ("min_item_events", "min_user_events", "last", "min_history")
_MOST_NEAR = 5_000  # maximum number of names compared with an unknown one


@dataclass(frozen=True)
class Everyone(Dataset):
    """A data set with the events of all users.

    Attributes:
        n_learned: number of users of the filtered log; they come first.
    """

    n_learned: int = 0

    def user_index(self, user: str) -> int:
        """Return the index of a user by name.

        Raises:
            DataError: the log has no such user, or the user has no event with an item of the catalog.
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
    """Read the data set of a category with the events of all users, each history in time order.

    The users of the filtered log come first, in the order of `load_dataset`; the others follow in the order of their first
    event. Events of items outside the catalog are left out, and so are users without other events.

    Raises:
        ConfigError: the value is neither a category nor the name of one.
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
    """Return the index of a user by name in the filtered log.

    Args:
        category: category of the log.
        log: filtered log, as read by `load_dataset`.
        user: name of the user.

    Raises:
        DataError: the user is not in the log; the message says if a filter removed it.
    """
    try:
        return log.user_index(user)
    except DataError:
        everyone = load_everyone(category)
        everyone.user_index(user)  # raises for unknown users
        raise DataError(
            f"user {user!r} is served, but not in the data for training and evaluation: dropped by the filter of the import"
            f"{_filters(everyone.meta)}; name another one"
        ) from None


def _filters(meta: Mapping[str, Any]) -> str:
    """Return the settings that removed events, in brackets; empty if they are unknown."""
    report, preparation = meta.get("report", {}), meta.get("preparation", {})
    at_work = {setting for reason, setting in report.get("settings", {}).items() if report["dropped"][reason]}
    typed = [parameter(name, preparation[name]) for name in _FILTERS if name in at_work]
    return f" ({', '.join(typed)})" if typed else ""


def _near(user: str, names: NDArray[np.object_]) -> list[str]:
    """Return the names that begin or end as `user` does, since a comparison with millions of names takes minutes."""
    half = max(1, len(user) // 2)
    known = pl.Series(names.tolist(), dtype=pl.String)
    plain = known.str.to_lowercase()
    alike = plain.str.starts_with(user[:half].lower()) | plain.str.ends_with(user[-half:].lower())
    return known.filter(alike).head(_MOST_NEAR).to_list()
