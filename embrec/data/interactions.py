"""The interaction log in columns: events sorted by user and time, each user's events one slice."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.errors import DataError
from embrec.names import did_you_mean, there_are

_COMPARED = 20_000  # most user names that an unknown one is compared with: a fraction of a second


@dataclass(frozen=True)
class Interactions:
    """Events sorted by (user, time, input order), so that ties in time keep the order of the input.

    Attributes:
        user_ids: user names, [U].
        user: user index of each event, [E].
        item: catalog row of each event's item, [E] (the tensor id is one more).
        time: seconds since 1970, or any increasing numbers where the source has no times, [E] int64.
        context: further columns, numbers or texts, name -> [E].
        item_ids: ids of the catalog whose rows `item` holds, [n]; None where they are not known. Rows of one catalog mean
            nothing in another, so a log is brought to a model by these ids.
    """

    user_ids: NDArray[np.object_]
    user: NDArray[np.int32]
    item: NDArray[np.int32]
    time: NDArray[np.int64]
    context: Mapping[str, NDArray] = field(default_factory=dict)
    item_ids: pl.Series | None = None

    @classmethod
    def from_events(
        cls,
        user_ids: NDArray[np.object_],
        user: NDArray[np.integer],
        item: NDArray[np.integer],
        time: NDArray[np.integer],
        context: Mapping[str, NDArray] | None = None,
        item_ids: pl.Series | None = None,
    ) -> "Interactions":
        """Build the log from events in input order; the arguments are the attributes, unsorted.

        Raises:
            DataError: there are no events, or the columns differ in length.
        """
        columns = {"user": user, "item": item, "time": time, **(context or {})}
        if len({len(column) for column in columns.values()}) > 1:
            lengths = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
            raise DataError(f"the columns of an interaction log must be equally long: {lengths}")
        if len(user) == 0:
            raise DataError("the interaction log is empty")
        order = np.lexsort((time, user))  # lexsort is stable: ties keep the input order
        return cls(
            user_ids=user_ids,
            user=user[order].astype(np.int32),
            item=item[order].astype(np.int32),
            time=time[order].astype(np.int64),
            context={name: column[order] for name, column in (context or {}).items()},
            item_ids=item_ids,
        )

    def __len__(self) -> int:
        return len(self.user)

    def numeric_context(self) -> dict[str, NDArray]:
        """Return the context columns that hold numbers or truth values, name -> [E]: those that models can read."""
        return {name: values for name, values in self.context.items() if values.dtype.kind in "biuf"}

    def with_context(self, names: Collection[str]) -> "Interactions":
        """Return the same log with these context columns alone; the log itself if it has no others.

        Raises:
            DataError: a column does not exist or does not hold numbers.
        """
        there = self.numeric_context()
        for name in names:
            if name in self.context and name not in there:
                raise DataError(
                    f"context column {name!r} of the log holds {self._text_in(name)}, and models read numbers"
                )
            if name not in there:
                raise DataError(f"the log has no context column {name!r}{there_are(name, list(there))}")
        chosen = {name: there[name] for name in names}
        return self if list(chosen) == list(self.context) else replace(self, context=chosen)

    def _text_in(self, name: str) -> str:
        """Return in words the first value of a context column that is no number, and whose event it belongs to."""
        values = pl.Series(self.context[name].tolist(), dtype=pl.String)
        wrong = values.cast(pl.Float64, strict=False).is_null() & (values != "")
        if not wrong.any():
            return "texts"
        event = int(wrong.arg_true()[0])
        item = "" if self.item_ids is None else f" on item {str(self.item_ids[int(self.item[event])])!r}"
        return f"texts, such as {values[event]!r} of user {str(self.user_ids[self.user[event]])!r}{item}"

    @property
    def n_users(self) -> int:
        """The number of users."""
        return len(self.user_ids)

    @cached_property
    def user_ptr(self) -> NDArray[np.int64]:
        """User u's events are `user_ptr[u] : user_ptr[u + 1]`, [U + 1]."""
        counts = np.bincount(self.user, minlength=self.n_users)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """The number of events of each user, [U]."""
        return np.diff(self.user_ptr)

    @property
    def position(self) -> NDArray[np.int64]:
        """The place of each event in its user's history, from 0, [E]; not kept, since it is half as large as the log."""
        return np.arange(len(self)) - self.user_ptr[self.user]

    @cached_property
    def _user_index(self) -> dict[str, int]:
        return {user: index for index, user in enumerate(self.user_ids.tolist())}

    def user_index(self, user: str) -> int:
        """Return the index of a user by name.

        Raises:
            DataError: the log has no such user.
        """
        try:
            return self._user_index[user]
        except KeyError:
            near = did_you_mean(user, self._like(user))
            raise DataError(f"no user {user!r} among the {self.n_users:,} users of the log{near}") from None

    def _like(self, user: str) -> list[str]:
        """Return user names about as long as a given one: few enough to compare it with all of them."""
        alike = [name for name in self.user_ids.tolist() if abs(len(name) - len(user)) <= 1]
        return alike[:_COMPARED]

    def history(self, user: int) -> NDArray[np.int32]:
        """Return the catalog rows of one user's events in order."""
        return self.item[self.user_ptr[user] : self.user_ptr[user + 1]]
