"""From what a reader found to what is learned from: duplicates, rare items, short histories, the catalog's order.

The preset `embrec` is the published preprocessing (Amazon 2014; spec 1.7): items and users with fewer than five reviews
are dropped, both counted once on the raw reviews and not again afterwards; a user's last 50 events are kept, ordered by
time with ties in input order; users with fewer than three events left are dropped. `5-core` counts again until nothing
changes and keeps whole histories; `none` keeps everything.
"""

from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from embrec.data.catalog import Catalog
from embrec.data.interactions import Interactions
from embrec.data.readers.raw import ITEM, TIME, USER, RawData
from embrec.data.store import Dataset
from embrec.errors import DataError

_ROW = "__row"


class PreparationConfig(BaseModel):
    """What is kept of the raw events and items."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    filter: Annotated[
        Literal["one-pass", "iterative", "none"],
        Field(description="count events of items and users once, again until nothing changes, or not at all"),
    ] = "one-pass"
    min_item_events: Annotated[int, Field(ge=1, description="items with fewer events are dropped")] = 5
    min_user_events: Annotated[int, Field(ge=1, description="users with fewer events are dropped")] = 5
    last: Annotated[int | None, Field(ge=1, description="events kept of each user, the latest; all if absent")] = 50
    min_history: Annotated[int, Field(ge=1, description="users with fewer events left in the end are dropped")] = 3
    duplicates: Annotated[
        Literal["drop", "keep", "first"],
        Field(description="same user, item and time: drop or keep the repeats; or keep only a pair's first event"),
    ] = "drop"
    catalog: Annotated[
        Literal["source", "seen", "all"],
        Field(description="items with events only, all items, or what suits the source"),
    ] = "source"


PRESETS: dict[str, PreparationConfig] = {
    "embrec": PreparationConfig(),
    "5-core": PreparationConfig(filter="iterative", last=None),
    "complete-journey": PreparationConfig(filter="iterative", min_item_events=10, last=None),
    "none": PreparationConfig(filter="none", last=None, min_history=1),
}


@dataclass(frozen=True)
class PreparationReport:
    """What was kept, what was dropped and why.

    Attributes:
        read: events, users, items of the log and rows of the catalog, as they came.
        dropped: reason -> events.
        dropped_users: reason -> users.
        dropped_items: reason -> items.
        kept: events, users, items and rows of the catalog, in the end.
        ties: kept events that share their time with another event of the same user; input order decides between them.
        items_without_metadata: kept items that the catalog of the source does not describe; their content is empty.
        items_without_events: kept rows of the catalog that nobody has touched.
        notes: what the reader noted.
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

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return asdict(self)


@dataclass
class _Tally:
    events: dict[str, int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)


def prepare(raw: RawData, config: PreparationConfig) -> tuple[Dataset, PreparationReport]:
    """Filter the events, order users and catalog, and count what that costs.

    Users stand in the order of their first kept event in the input; the catalog in the order of the source's metadata,
    then items without metadata in the order of their first kept event.

    Raises:
        DataError: nothing is left; the message says which filter took the most.
    """
    tally = _Tally()
    events = raw.events.with_row_index(_ROW)
    events = _without_duplicates(events, config, tally)
    events = _frequent(events, config, tally)
    events = _latest(events, config, tally)
    if events.is_empty():
        worst = max(tally.events, key=lambda reason: tally.events[reason])
        raise DataError(
            f"no events are left of {len(raw.events):,}: {tally.events[worst]:,} went as {worst!r}; "
            "lower the filters (--min-item-events, --min-user-events, --min-history) or use --preset none"
        )
    catalog = _catalog(raw, events, config)
    user_ids = events[USER].unique(maintain_order=True)
    interactions = Interactions.from_events(
        user_ids=user_ids.to_numpy().astype(object),
        user=_codes(events[USER], user_ids),
        item=_codes(events[ITEM], catalog.frame[ITEM]),
        time=events[TIME].to_numpy(),
        context={name: events[name].to_numpy() for name in raw.context},
        item_ids=catalog.frame[ITEM],
    )
    tied = events.select((pl.len().over(USER, TIME) > 1).sum())[0, 0]
    items = events[ITEM].n_unique()
    described = 0 if raw.items is None else events[ITEM].unique().is_in(raw.items[ITEM].implode()).sum()
    report = PreparationReport(
        read=_counts(raw.events, 0 if raw.items is None else len(raw.items)),
        kept=_counts(events, len(catalog)),
        dropped=tally.events,
        dropped_users=tally.users,
        dropped_items=tally.items,
        ties=int(tied),
        items_without_metadata=items - int(described),
        items_without_events=len(catalog) - items,
        notes=dict(raw.notes),
    )
    meta = {"preparation": config.model_dump(), "report": report.as_dict()}
    return Dataset(catalog, interactions, meta), report


def _without_duplicates(events: pl.DataFrame, config: PreparationConfig, tally: _Tally) -> pl.DataFrame:
    if config.duplicates == "keep":
        return events
    if config.duplicates == "drop":
        kept = events.unique([USER, ITEM, TIME], keep="first", maintain_order=True)
        reason = "repeats of the same user, item and time"
    else:
        kept = events.sort(TIME, _ROW).unique([USER, ITEM], keep="first").sort(_ROW)
        reason = "later events of the same user and item"
    tally.events[reason] = len(events) - len(kept)
    return kept


def _frequent(events: pl.DataFrame, config: PreparationConfig, tally: _Tally) -> pl.DataFrame:
    if config.filter == "none":
        return events
    rare = f"items with fewer than {config.min_item_events} events"
    short = f"users with fewer than {config.min_user_events} events"
    tally.events |= {rare: 0, short: 0}
    tally.items[rare] = tally.users[short] = 0
    item_rare = pl.len().over(ITEM) < config.min_item_events
    user_short = pl.len().over(USER) < config.min_user_events
    while True:
        marked = events.with_columns(__rare=item_rare, __short=user_short)
        tally.items[rare] += marked.filter("__rare")[ITEM].n_unique()
        tally.users[short] += marked.filter("__short")[USER].n_unique()
        tally.events[rare] += int(marked["__rare"].sum())
        tally.events[short] += marked.select((pl.col("__short") & ~pl.col("__rare")).sum())[0, 0]
        kept = marked.filter(~pl.col("__rare") & ~pl.col("__short")).drop("__rare", "__short")
        settled = len(kept) == len(events) or config.filter == "one-pass"
        events = kept
        if settled:
            return events


def _latest(events: pl.DataFrame, config: PreparationConfig, tally: _Tally) -> pl.DataFrame:
    if config.last is not None:
        place = pl.int_range(pl.len()).over(USER)  # of rows sorted by time: the place in the user's history
        by_time = events.sort(TIME, _ROW)
        kept = by_time.filter(place + config.last >= pl.len().over(USER)).sort(_ROW)
        tally.events[f"before the last {config.last} events of a user"] = len(events) - len(kept)
        events = kept
    enough = events.filter(pl.len().over(USER) >= config.min_history)
    if config.min_history > 1:
        reason = f"users with fewer than {config.min_history} events left"
        tally.events[reason] = len(events) - len(enough)
        tally.users[reason] = events[USER].n_unique() - enough[USER].n_unique()
    return enough


def _catalog(raw: RawData, events: pl.DataFrame, config: PreparationConfig) -> Catalog:
    seen = events.select(pl.col(ITEM).unique(maintain_order=True))
    if raw.items is None:
        return Catalog(seen, ())
    described = raw.items
    if config.catalog == "seen" or (config.catalog == "source" and not raw.whole_catalog):
        described = described.join(seen, on=ITEM, how="semi", maintain_order="left")
    others = seen.join(described, on=ITEM, how="anti", maintain_order="left")
    return Catalog(pl.concat([described, others], how="diagonal"), raw.text_columns)


def _codes(values: pl.Series, names: pl.Series) -> Any:
    """Return the index of each value among `names`, [E] int64; every value is there."""
    index = pl.DataFrame({"name": names}).with_row_index("code")
    found = pl.DataFrame({"name": values}).join(index, on="name", how="left", maintain_order="left")
    return found["code"].cast(pl.Int64).to_numpy()


def _counts(events: pl.DataFrame, catalog: int) -> dict[str, int]:
    return {
        "events": len(events),
        "users": events[USER].n_unique(),
        "items": events[ITEM].n_unique(),
        "catalog": catalog,
    }
