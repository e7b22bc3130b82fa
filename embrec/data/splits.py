"""Which events may be learned from, which choose the model, and which judge it once at the end."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from embrec.data.interactions import Interactions
from embrec.errors import DataError


class Label(IntEnum):
    """What training knows of an event's user and item."""

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
    """

    train: Positions
    valid: Positions
    test: Positions
    label: NDArray[np.int8]
    train_items: NDArray[np.bool_]
    hidden: NDArray[np.bool_]


class Split(Protocol):
    """A way to divide a log; `n_items` is the size of the catalog."""

    def __call__(self, interactions: Interactions, n_items: int) -> Partition:
        """Divide the log.

        Raises:
            DataError: nothing is left to train on or to test with.
        """
        ...


class LeaveOneOut(BaseModel):
    """Each user's last event is the test target, the one before the validation target, the rest is training.

    As published (spec 1.7): users with at least three events are evaluated, and a user whose history without the last
    two events has at least two is learned from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["leave-one-out"] = "leave-one-out"

    def __call__(self, interactions: Interactions, n_items: int) -> Partition:
        """Divide the log; see `Split`."""
        return _leave_one_out(interactions, np.zeros(n_items, dtype=bool))


class ItemHoldout(BaseModel):
    """Leave-one-out in which some items are kept from training altogether, to ask how new items are ranked.

    Events of held-out items are removed from training and validation, as targets and as history. At test they are what
    they would be in a shop: candidates beside all others, and part of the histories.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["item-holdout"] = "item-holdout"
    fraction: Annotated[float, Field(gt=0, lt=1, description="share of the items to hold out")] = 0.1
    choose: Annotated[
        Literal["random", "newest"], Field(description="which: a random sample, or those seen first most recently")
    ] = "random"
    seed: Annotated[int, Field(ge=0, description="of the random choice")] = 0

    def __call__(self, interactions: Interactions, n_items: int) -> Partition:
        """Divide the log; see `Split`."""
        seen = np.unique(interactions.item)
        count = max(1, round(self.fraction * len(seen)))
        if self.choose == "random":
            chosen = np.random.default_rng(self.seed).choice(seen, size=count, replace=False)
        else:
            first_seen = np.full(n_items, np.iinfo(np.int64).max)
            np.minimum.at(first_seen, interactions.item, interactions.time)
            chosen = seen[np.argsort(first_seen[seen], kind="stable")[-count:]]
        hidden = np.zeros(n_items, dtype=bool)
        hidden[chosen] = True
        return _leave_one_out(interactions, hidden)


SplitConfig = Annotated[LeaveOneOut | ItemHoldout, Field(discriminator="kind")]


def _leave_one_out(interactions: Interactions, hidden: NDArray[np.bool_]) -> Partition:
    lengths, position = interactions.lengths, interactions.position
    users = np.flatnonzero(lengths >= 3)
    if not len(users):
        raise DataError("no user has three events or more, so there is nothing to test with; lower the filters")
    event_visible = ~hidden[interactions.item]
    valid = Positions(users, lengths[users] - 2)
    keep = event_visible[valid.events(interactions)]  # a held-out item must not choose the model either
    keep &= _visible_before(interactions, event_visible, valid) > 0
    from_end = lengths[interactions.user] - position
    train_events = np.flatnonzero(event_visible & (from_end > 2))
    if not len(train_events):
        raise DataError("no events are left for training after the last two of each user; lower the filters")
    train_items = np.zeros(len(hidden), dtype=bool)
    train_items[interactions.item[train_events]] = True
    train_users = np.zeros(interactions.n_users, dtype=bool)
    train_users[interactions.user[train_events]] = True
    label = np.where(
        ~train_items[interactions.item],
        Label.NEW_ITEM,
        np.where(train_users[interactions.user], Label.OBSERVED, Label.NEW_USER),
    ).astype(np.int8)
    return Partition(
        train=Positions(interactions.user[train_events].astype(np.int64), position[train_events]),
        valid=Positions(valid.user[keep], valid.position[keep]),
        test=Positions(users, lengths[users] - 1),
        label=label,
        train_items=train_items,
        hidden=hidden,
    )


def _visible_before(
    interactions: Interactions, event_visible: NDArray[np.bool_], positions: Positions
) -> NDArray[np.int64]:
    """Return how many visible events stand before each position in its user's history, [T]."""
    running = np.concatenate([[0], np.cumsum(event_visible)])
    return running[positions.events(interactions)] - running[interactions.user_ptr[positions.user]]
