"""What a split makes of a log: which events may be learned from, which choose the model, and which judge it once at the end."""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.errors import DataError


class Label(IntEnum):
    """What training knows of an event's user and item; an event of both a new user and a new item is one of a new item."""

    OBSERVED = 0
    NEW_USER = 1
    NEW_ITEM = 2


@dataclass(frozen=True)
class Positions:
    """Events named by user and place in the user's history, both [T]."""

    user: NDArray[np.int64]
    position: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.user)

    def events(self, interactions: Interactions) -> NDArray[np.int64]:
        """Return the indices of these events in the log, [T]."""
        return interactions.user_ptr[self.user] + self.position

    def select(self, rows: NDArray) -> "Positions":
        """Return some of them, by index or mask."""
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
        train: events that may be learned from.
        valid: targets that choose the model, each predicted from the user's earlier events.
        test: targets that judge it.
        label: a `Label` for every event of the log, [E].
        train_items: True for the items with a training event, [n].
        hidden: True for the items whose events training and validation never see, not even as history, [n].
        train_and_valid: True for the events that may be learned from once nothing is left to be chosen: those of training, and
            all that was kept from it for the sake of validation, the targets' histories too, [E].
    """

    train: Positions
    valid: Positions
    test: Positions
    label: NDArray[np.int8]
    train_items: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    train_and_valid: NDArray[np.bool_]

    def training_counts(self, interactions: Interactions) -> NDArray[np.int64]:
        """Return the training events of each item, [n]."""
        return np.bincount(interactions.item[self.train.events(interactions)], minlength=len(self.train_items))

    def with_validation(self, interactions: Interactions) -> "Partition":
        """Return the partition of a final training: what was kept for validation is learned from, and nothing is validated.

        Test targets and hidden items stay what they are; labels and training items are those of the larger training set.
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
            DataError: nothing is left to train on, to choose the model with or to test with.
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
    mend: str,
) -> Partition:
    """Complete a partition: label every event by what training knows of its user and item.

    Args:
        interactions: the log.
        n_items: the size of the catalog.
        train: True for the events that may be learned from, [E].
        valid: targets that choose the model.
        test: targets that judge it.
        train_and_valid: True for the events of training, and those that only validation keeps from it, [E]; see `Partition`.
        hidden: items that training and validation never see, [n]; none if None.
        mend: what to do where a part is empty, for the message.

    Raises:
        DataError: a part is empty.
    """
    sizes = {"training events": int(train.sum()), "validation targets": len(valid), "test targets": len(test)}
    empty = [name for name, size in sizes.items() if not size]
    if empty:
        rest = ", ".join(f"{size:,} {name}" for name, size in sizes.items() if size)
        raise DataError(f"this split leaves no {' and no '.join(empty)}{f' (but {rest})' if rest else ''}; {mend}")
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
    """Return what training knows: the label of every event, [E], and which items have a training event, [n]."""
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
