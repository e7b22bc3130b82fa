"""The report of a preparation: counts of what was read, kept and dropped, and findings."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class PreparationReport:
    """Counts of what was kept and what was dropped, with reasons.

    Attributes:
        read: numbers of events, users, items of the log and rows of the catalog, as read.
        dropped: reason -> number of events.
        dropped_users: reason -> number of users.
        dropped_items: reason -> number of items.
        kept: numbers of events, users, items and rows of the catalog after preparation.
        ties: number of kept events that share their time with another event of the same user.
        items_without_metadata: number of kept items missing from the catalog of the source; their content is empty.
        items_without_events: number of kept rows of the catalog without events.
        notes: notes of the reader -> count.
        remarks: assumptions of the reader, such as which column holds the times.
        warnings: suspicious findings, such as ids of the log that the catalog lacks.
        settings: reason of `dropped` -> field of `PreparationConfig` behind it.
        others: data kept for serving only: "events" of items in the catalog, "users" with such events and no kept one, and
            users "without history", who have neither.
    """

    read: dict[str, int]
    kept: dict[str, int]
    dropped: dict[str, int]
    dropped_users: dict[str, int]
    dropped_items: dict[str, int]
    ties: int
    items_without_metadata: int
    items_without_events: int
    notes: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)
