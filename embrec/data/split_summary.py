"""Summaries of the parts of a split: counts of events, users, items and labels, and the range of times."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from embrec.data.interactions import Interactions
from embrec.data.splits import Label, Partition, Positions


@dataclass(frozen=True)
class PartSummary:
    """Summary of one part of a split.

    Attributes:
        events: number of training events, or of targets.
        users: number of users with such an event.
        items: number of items of these events.
        labels: name of a `Label` in lower case -> number of events.
        first: time of the earliest event, in the unit of the log.
        last: time of the latest event.
    """

    events: int
    users: int
    items: int
    labels: Mapping[str, int]
    first: int
    last: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def describe_parts(interactions: Interactions, partition: Partition) -> dict[str, PartSummary]:
    """Return the summaries of the parts of a split, `train`, `valid` and `test`; none may be empty."""
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
