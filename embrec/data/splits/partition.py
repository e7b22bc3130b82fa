"""The result of a split: training events, validation targets for model selection, and test targets."""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.errors import DataError


class Label(IntEnum):
    """Presence of an event's user and item in the training events; an event with a new user and a new item is NEW_ITEM."""

    OBSERVED = 0
    NEW_USER = 1
    NEW_ITEM = 2


@dataclass(frozen=True)
class Positions:
    """Events given by user and position in the user's history, both [T]."""

    user: NDArray[np.int64]
    position: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.user)

    def events(self, interactions: Interactions) -> NDArray[np.int64]:
        """Return the indices of these events in the log, [T]."""
        return interactions.user_ptr[self.user] + self.position

    def select(self, rows: NDArray) -> "Positions":
        """Return a subset, by index or mask."""
        return Positions(self.user[rows], self.position[rows])

    @classmethod
    def of_events(cls, interactions: Interactions, events: NDArray[np.integer] | NDArray[np.bool_]) -> "Positions":
        """Return the positions of events of the log, given by index in increasing order or as a mask [E]."""
        indices = np.flatnonzero(events) if events.dtype == np.bool_ else events.astype(np.int64)
        user = interactions.user[indices].astype(np.int64)
        return cls(user, indices - interactions.user_ptr[user])


@dataclass(frozen=True)
class Partition:
    """A split log.

    Attributes:
        train: training events.
        valid: validation targets, for model selection, each predicted from the user's earlier events.
        test: test targets, for the final evaluation.
        label: `Label` of every event of the log, [E].
        train_items: True for the items with a training event, [n].
        hidden: True for the items kept from training and validation, also in histories, [n].
        train_and_valid: True for the training events of a final training without validation: those of `train` and all events
            withheld for validation, including the histories of its targets, [E].
    """

    train: Positions
    valid: Positions
    test: Positions
    label: NDArray[np.int8]
    train_items: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    train_and_valid: NDArray[np.bool_]

    def training_counts(self, interactions: Interactions) -> NDArray[np.int64]:
        """Return the number of training events of each item, [n]."""
        return np.bincount(interactions.item[self.train.events(interactions)], minlength=len(self.train_items))

    def with_validation(self, interactions: Interactions) -> "Partition":
        """Return the partition of a final training: `train_and_valid` are the training events, and no target is validated.

        Test targets and hidden items do not change; labels and training items follow from the larger training set.
        """
        label, train_items = _knowledge(interactions, len(self.train_items), self.train_and_valid)
        nothing = np.empty(0, dtype=np.int64)
        return replace(
            self,
            train=Positions.of_events(interactions, self.train_and_valid),
            valid=Positions(nothing, nothing),
            label=label,
            train_items=train_items,
        )


class Split(Protocol):
    """A way to divide a log; `n_items` is the size of the catalog."""

    def __call__(self, interactions: Interactions, n_items: int) -> Partition:
        """Divide the log.

        Raises:
            DataError: a part is empty.
        """
        ...


def make_partition(
    interactions: Interactions,
    n_items: int,
    *,
    train: NDArray[np.bool_],
    valid: Positions,
    test: Positions,
    train_and_valid: NDArray[np.bool_],
    hidden: NDArray[np.bool_] | None = None,
    advice: str,
) -> Partition:
    """Build a partition and label every event by what training knows of its user and item.

    Args:
        interactions: log.
        n_items: size of the catalog.
        train: True for the training events, [E].
        valid: validation targets.
        test: test targets.
        train_and_valid: True for the training events of a final training, [E]; see `Partition`.
        hidden: True for the items kept from training and validation, [n]; None: no item.
        advice: what to do if a part is empty, for the message.

    Raises:
        DataError: a part is empty.
    """
    sizes = {"training events": int(train.sum()), "validation targets": len(valid), "test targets": len(test)}
    empty = [name for name, size in sizes.items() if not size]
    if empty:
        rest = ", ".join(f"{size:,} {name}" for name, size in sizes.items() if size)
        raise DataError(f"this split leaves no {' and no '.join(empty)}{f' (but {rest})' if rest else ''}; {advice}")
    label, train_items = _knowledge(interactions, n_items, train)
    return Partition(
        train=Positions.of_events(interactions, train),
        valid=valid,
        test=test,
        label=label,
        train_items=train_items,
        hidden=np.zeros(n_items, dtype=bool) if hidden is None else hidden,
        train_and_valid=train_and_valid,
    )


def _knowledge(
    interactions: Interactions, n_items: int, train: NDArray[np.bool_]
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """Return the label of every event, [E], and True for the items with a training event, [n]."""
    train_items = np.zeros(n_items, dtype=bool)
    train_items[interactions.item[train]] = True
    train_users = np.zeros(interactions.n_users, dtype=bool)
    train_users[interactions.user[train]] = True
    label = np.where(
        ~train_items[interactions.item],
        Label.NEW_ITEM,
        np.where(train_users[interactions.user], Label.OBSERVED, Label.NEW_USER),
    ).astype(np.int8)
    return label, train_items
