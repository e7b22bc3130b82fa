"""Leave-one-out split: each user's last event is the test target."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from embrec.data.interactions import Interactions
from embrec.data.splits.partition import Partition, Positions, make_partition
from embrec.validation import Checked


class LeaveOneOut(Checked):
    """Each user's last event is the test target, the one before the validation target, the rest is training.

    As in [semikin2019]: users with at least three events are evaluated, and users with at least two events before the last
    two are training users. Training events of one user may be later than the test target of another, so popularity and
    co-occurrence leak from the future.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["leave-one-out"] = "leave-one-out"

    def __call__(self, interactions: Interactions, n_items: int) -> Partition:
        """Divide the log; see `Split`."""
        return leave_one_out(interactions, np.zeros(n_items, dtype=bool))


def leave_one_out(interactions: Interactions, hidden: NDArray[np.bool_]) -> Partition:
    """Divide a log by leave-one-out with some items hidden until the test.

    Args:
        interactions: log.
        hidden: True for the items whose events are kept from training and validation, [n].

    Raises:
        DataError: a part is empty.
    """
    lengths, position = interactions.lengths, interactions.position
    users = np.flatnonzero(lengths >= 3)
    visible = ~hidden[interactions.item]
    valid = Positions(users, lengths[users] - 2)
    keep = visible[valid.events(interactions)]  # a held-out item must not choose the model either
    keep &= _visible_before(interactions, visible, valid) > 0
    from_end = lengths[interactions.user] - position
    is_divided = lengths[interactions.user] >= 3
    return make_partition(
        interactions,
        len(hidden),
        train=visible & (from_end > 2),
        train_and_valid=visible & is_divided & (from_end > 1),
        valid=valid.select(keep),
        test=Positions(users, lengths[users] - 1),
        hidden=hidden,
        advice="it needs users with three or more events: lower the filters of the import",
    )


def _visible_before(interactions: Interactions, visible: NDArray[np.bool_], positions: Positions) -> NDArray[np.int64]:
    """Return the number of visible events before each position in its user's history, [T]."""
    running = np.concatenate([[0], np.cumsum(visible)])
    return running[positions.events(interactions)] - running[interactions.user_ptr[positions.user]]
