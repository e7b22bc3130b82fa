"""Events in the order of time, as stateful models observe them."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.data.interactions import Interactions


@dataclass(frozen=True)
class Events:
    """E events, in the order of time.

    Attributes:
        user: user indices, [E].
        item: tensor ids, [E].
        time: seconds, [E].
    """

    user: Tensor
    item: Tensor
    time: Tensor

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def of(cls, interactions: Interactions, events: NDArray[np.integer]) -> "Events":
        """Return events of a log by their places in it, in the order given."""
        return cls(
            torch.from_numpy(interactions.user[events].astype(np.int64)),
            torch.from_numpy(interactions.item[events].astype(np.int64) + 1),
            torch.from_numpy(interactions.time[events].astype(np.int64)),
        )

    def to(self, device: torch.device) -> "Events":
        """Return the events on another device."""
        return Events(*(side.to(device, non_blocking=True) for side in (self.user, self.item, self.time)))


def in_time_order(interactions: Interactions, events: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return places of events sorted by time; events of the same time stay in the order of the log."""
    ordered = np.sort(np.asarray(events, dtype=np.int64))
    return ordered[np.argsort(interactions.time[ordered], kind="stable")]
