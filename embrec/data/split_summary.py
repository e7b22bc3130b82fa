"""How large the parts of a split are, and of whom and what they are made."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from embrec.data.interactions import Interactions
from embrec.data.splits import Label, Partition, Positions


@dataclass(frozen=True)
class PartSummary:
    """One part of a split.

    Attributes:
        events: training events, or targets.
        users: to whom they belong.
        items: which they are of.
        labels: how many of the events are of each `Label`, in lower case.
        first: time of the earliest, as the log has it.
        last: time of the latest.
    """

    events: int
    users: int
    items: int
    labels: Mapping[str, int]
    first: int
    last: int

    def as_dict(self) -> dict[str, Any]:
        """Return the part as JSON can hold it."""
        return asdict(self)


def describe_parts(interactions: Interactions, partition: Partition) -> dict[str, PartSummary]:
    """Return training, validation and test of a split, none of which is empty."""
    parts = {"train": partition.train, "valid": partition.valid, "test": partition.test}
    return {name: _part(interactions, partition, positions) for name, positions in parts.items()}


def _part(interactions: Interactions, partition: Partition, positions: Positions) -> PartSummary:
    events = positions.events(interactions)
    labels = np.bincount(partition.label[events], minlength=len(Label)).tolist()
    time = interactions.time[events]
    return PartSummary(
        events=len(events),
        users=int((np.bincount(positions.user) > 0).sum()),
        items=int((np.bincount(interactions.item[events]) > 0).sum()),
        labels={label.name.lower().replace("_", " "): labels[label] for label in Label},
        first=int(time.min()),
        last=int(time.max()),
    )
