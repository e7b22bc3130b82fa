"""Preparation of raw events and items: removal of repeats, rare items and short histories, and the order of the catalog.

The preset `embrec` is the preprocessing of [semikin2019] (Amazon 2014): items and users with fewer than five reviews are
dropped, both counted once on the raw reviews; a user's last 50 events are kept, ordered by time with ties in input order;
users with fewer than three remaining events are dropped. `5-core` repeats the counting until nothing changes and keeps
whole histories; `none` keeps everything. The filter `none` only skips the counting: histories are still cut to `last`
events.

Events removed by the filters take no part in training and evaluation. Those with items of the catalog are stored for serving
(`embrec.data.everyone`).
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, field_validator

from embrec.data.catalog import Catalog
from embrec.data.interactions import Interactions
from embrec.data.other_events import OtherEvents
from embrec.data.preparation_report import PreparationReport
from embrec.data.readers.ids import check_blanks, check_digits, check_match
from embrec.data.readers.raw import EXACT, ITEM, TIME, USER, RawData, context_name
from embrec.data.sequences import consecutive
from embrec.data.store import Dataset
from embrec.errors import DataError
from embrec.parameters import parameter
from embrec.validation import Checked

_ROW = "__row"
_ORDER = "__order"  # of events at the same time
_FILTERS = ("min_item_events", "min_user_events", "min_history")


INPUT_ORDER = "input"


class PreparationConfig(Checked):
    """Filters for raw events and items."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    filter: Annotated[
        Literal["one-pass", "iterative", "none"],
        Field(
            description="count events of items and users once, again until nothing changes, or not at all; last and "
            "min_history still apply (preset none keeps everything)"
        ),
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
    ties: Annotated[
        str,
        Field(
            description="order of a user's events of the same time: input (as they came), or shuffle:seed=N (by chance)"
        ),
    ] = INPUT_ORDER

    @field_validator("ties")
    @classmethod
    def _known_ties(cls, ties: str) -> str:
        if ties == "shuffle":
            return "shuffle:seed=0"
        if ties != INPUT_ORDER and not re.fullmatch(r"shuffle:seed=(0|[1-9][0-9]{0,17})", ties, re.ASCII):
            raise ValueError("ties are in the order of the input (input), or drawn by chance (shuffle:seed=0)")
        return ties

    @property
    def tie_seed(self) -> int | None:
        """The seed of the order of ties; None for input order."""
        return None if self.ties == INPUT_ORDER else int(self.ties.partition("=")[2])

    def identity(self) -> dict[str, Any]:
        """Return the plain values that identify an import; `ties`, newer than many stored imports, only if not the default."""
        return self.model_dump(exclude={"ties"} if self.ties == INPUT_ORDER else set())


PRESETS: dict[str, PreparationConfig] = {
    "embrec": PreparationConfig(),
    "5-core": PreparationConfig(filter="iterative", last=None),
    "complete-journey": PreparationConfig(filter="iterative", min_item_events=10, last=None),
    "none": PreparationConfig(filter="none", last=None, min_history=1),
}


@dataclass
class _Tally:
    events: dict[str, int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)


class _Coded(NamedTuple):
    """Texts encoded as integers: the code of each row, [E], and the text of each code, in order of first appearance."""

    codes: NDArray[np.int32]
    names: pl.Series


def prepare(raw: RawData, config: PreparationConfig) -> tuple[Dataset, PreparationReport]:
    """Filter the events, order users and catalog, and report what was dropped.

    Users are ordered by their first kept event in the input; catalog rows as in the metadata of the source, followed by items
    without metadata in order of their first kept event.

    Args:
        raw: output of a reader.
        config: filters.

    Raises:
        DataError: no event is left (the message names the filter that dropped the most), or no item of the log is in the
            catalog.
    """
    tally = _Tally()
    users, items = _coded(raw.events[USER]), _coded(raw.events[ITEM])
    named = ((users.names, USER), (items.names, ITEM))
    warnings = [check(names, kind) for names, kind in named for check in (check_blanks, check_digits)]
    warnings.append(None if raw.items is None else check_match(items.names, raw.items[ITEM]))
    # Integer codes instead of names from here on: counting and sorting millions of texts would take most of the time.
    coded = [pl.Series(USER, users.codes), pl.Series(ITEM, items.codes)]
    events = _with_order(raw.events.with_columns(coded).with_row_index(_ROW), config)
    events = _without_duplicates(events, config, tally)
    user, item, clock = events[USER].to_numpy(), events[ITEM].to_numpy(), events[_time(events)].to_numpy()
    kept = _frequent(user, item, config, tally)
    if config.tie_seed is None:
        order = _by_user_and_time(user, clock)  # ties keep the input order
    else:
        order = np.lexsort((events[_ORDER].to_numpy(), clock, user))
    kept = _latest(user, kept, order, config, tally)
    if not kept.any():
        worst = max(tally.events, key=lambda reason: tally.events[reason])
        raise DataError(
            f"no events are left of {len(raw.events):,}: {tally.events[worst]:,} went as {worst!r}; "
            f"lower the filters ({', '.join(map(parameter, _FILTERS))}) or use {parameter('preset', 'none')}"
        )
    in_input_order = np.flatnonzero(kept)
    kept_users = _as_first_seen(user[in_input_order], len(users.names))
    seen = items.names.gather(_as_first_seen(item[in_input_order], len(items.names)))
    catalog = _catalog(raw, seen, config)
    row_of = _rows(items.names, catalog.frame[ITEM])
    mine = _of_users(order[kept[order]], user, kept_users)
    interactions = Interactions(
        user_ids=users.names.gather(kept_users).to_numpy().astype(object),
        user=_renumbered(kept_users, len(users.names))[user[mine]],
        item=row_of[item[mine]],
        time=events[TIME].gather(mine).to_numpy(),
        context={name: events[context_name(name)].gather(mine).to_numpy() for name in raw.context},
        item_ids=catalog.frame[ITEM],
    )
    others = _put_aside(raw, events, order, kept, kept_users, row_of, users.names)
    described = 0 if raw.items is None else seen.is_in(raw.items[ITEM].implode()).sum()
    report = PreparationReport(
        read={
            "events": len(raw.events),
            "users": len(users.names),
            "items": len(items.names),
            "catalog": 0 if raw.items is None else len(raw.items),
        },
        kept={"events": len(mine), "users": len(kept_users), "items": len(seen), "catalog": len(catalog)},
        dropped=tally.events,
        dropped_users=tally.users,
        dropped_items=tally.items,
        ties=_ties(user[mine], clock[mine]),
        items_without_metadata=len(seen) - int(described),
        items_without_events=len(catalog) - len(seen),
        notes=dict(raw.notes),
        remarks=list(raw.remarks),
        warnings=[warning for warning in warnings if warning is not None],
        settings=tally.settings,
        others=others.counts(),
    )
    meta = {"preparation": config.identity(), "report": report.as_dict()}
    return Dataset(catalog, interactions, meta, others), report


def _time(events: pl.DataFrame) -> str:
    """Return the name of the most precise time column."""
    return EXACT if EXACT in events.columns else TIME


def _with_order(events: pl.DataFrame, config: PreparationConfig) -> pl.DataFrame:
    """Add the column that breaks ties between events of the same user and time: the row, or a random number for each row.

    The numbers do not depend on the filters, so the kept events have the same order under all filters.
    """
    if config.tie_seed is None:
        return events.with_columns(pl.col(_ROW).alias(_ORDER))
    drawn = np.random.default_rng(config.tie_seed).permutation(len(events))
    return events.with_columns(pl.Series(_ORDER, drawn))


def _without_duplicates(events: pl.DataFrame, config: PreparationConfig, tally: _Tally) -> pl.DataFrame:
    if config.duplicates == "keep":
        return events
    if config.duplicates == "drop":
        kept = events.unique([USER, ITEM, _time(events)], keep="first", maintain_order=True)
        reason = "repeats of the same user, item and time"
    else:
        kept = events.sort(_time(events), _ROW).unique([USER, ITEM], keep="first").sort(_ROW)
        reason = "later events of the same user and item"
    tally.events[reason] = len(events) - len(kept)
    tally.settings[reason] = "duplicates"
    return kept


def _frequent(
    user: NDArray[np.int32], item: NDArray[np.int32], config: PreparationConfig, tally: _Tally
) -> NDArray[np.bool_]:
    """Return True for the events of items and users with enough events, [E]."""
    kept = np.ones(len(user), dtype=bool)
    if config.filter == "none":
        return kept
    rare = f"items with fewer than {config.min_item_events} events"
    short = f"users with fewer than {config.min_user_events} events"
    tally.events |= {rare: 0, short: 0}
    tally.settings |= {rare: "min_item_events", short: "min_user_events"}
    tally.items[rare] = tally.users[short] = 0
    while True:
        of_item, of_user = np.bincount(item[kept]), np.bincount(user[kept])
        item_rare, user_short = of_item < config.min_item_events, of_user < config.min_user_events
        tally.items[rare] += int((item_rare & (of_item > 0)).sum())
        tally.users[short] += int((user_short & (of_user > 0)).sum())
        left = np.flatnonzero(kept)
        is_rare, is_short = item_rare[item[left]], user_short[user[left]]
        tally.events[rare] += int(is_rare.sum())
        tally.events[short] += int((is_short & ~is_rare).sum())
        kept[left[is_rare | is_short]] = False
        if config.filter == "one-pass" or not (is_rare | is_short).any() or not kept.any():
            return kept


def _by_user_and_time(user: NDArray[np.int32], clock: NDArray[Any]) -> NDArray[np.int64]:
    """Return the order of events by user and time, with ties in input order, [E]."""
    if len(user) and np.issubdtype(clock.dtype, np.signedinteger):
        first, last = int(clock.min()), int(clock.max())
        span = last - first + 1
        if span * (int(user.max()) + 1) < 2**63:  # one combined key sorts in half the time
            return np.argsort(user.astype(np.int64) * span + (clock - first), kind="stable")
    return np.lexsort((clock, user))


def _latest(
    user: NDArray[np.int32],
    kept: NDArray[np.bool_],
    order: NDArray[np.int64],
    config: PreparationConfig,
    tally: _Tally,
) -> NDArray[np.bool_]:
    """Return True for the kept events that are among the last of their user, of users with enough events left, [E]."""
    if config.last is not None:
        of_user = np.bincount(user[kept])
        rows = order[kept[order]]
        from_end = np.repeat(np.cumsum(of_user), of_user) - np.arange(len(rows))
        early = rows[from_end > config.last]
        kept = kept.copy()
        kept[early] = False
        reason = f"before the last {config.last} events of a user"
        tally.events[reason], tally.settings[reason] = len(early), "last"
    if config.min_history > 1:
        of_user = np.bincount(user[kept])
        few = of_user < config.min_history
        reason = f"users with fewer than {config.min_history} events left"
        tally.events[reason], tally.settings[reason] = int(of_user[few].sum()), "min_history"
        tally.users[reason] = int((few & (of_user > 0)).sum())
        left = np.flatnonzero(kept)
        kept = kept.copy()
        kept[left[few[user[left]]]] = False
    return kept


def _catalog(raw: RawData, seen: pl.Series, config: PreparationConfig) -> Catalog:
    touched = pl.DataFrame({ITEM: seen})
    if raw.items is None:
        return Catalog(touched, ())
    described = raw.items
    if config.catalog == "seen" or (config.catalog == "source" and not raw.whole_catalog):
        described = described.join(touched, on=ITEM, how="semi", maintain_order="left")
    others = touched.join(described, on=ITEM, how="anti", maintain_order="left")
    return Catalog(pl.concat([described, others], how="diagonal"), raw.text_columns, raw.title_column)


def _put_aside(
    raw: RawData,
    events: pl.DataFrame,
    order: NDArray[np.int64],
    kept: NDArray[np.bool_],
    kept_users: NDArray[np.int64],
    row_of: NDArray[np.int32],
    names: pl.Series,
) -> OtherEvents:
    """Return the removed events whose items are in the catalog, and all users without a kept event.

    Args:
        raw: output of the reader, for the names of the context columns.
        events: events without repeats, in input order.
        order: order of the events by user and time, [E].
        kept: True for the kept events, [E].
        kept_users: codes of the users with kept events, in the order of the log.
        row_of: catalog row of each item code, -1 for none.
        names: name of each user code.
    """
    user, item, n = events[USER].to_numpy(), events[ITEM].to_numpy(), len(names)
    aside = ~kept
    aside[aside] = row_of[item[aside]] >= 0
    found = user[aside]
    served = _as_first_seen(found[_renumbered(kept_users, n)[found] < 0], n)
    everyone = np.concatenate([kept_users, served])
    codes = _renumbered(everyone, n)
    more = np.concatenate([served, np.flatnonzero(codes < 0)])
    rows = _of_users(order[aside[order]], user, everyone)
    of_user, of_user_kept = np.bincount(user, minlength=n), np.bincount(user[kept], minlength=n)
    before = np.empty(len(user), dtype=np.int64)  # number of earlier kept events of the same user
    before[order] = np.cumsum(kept[order]) - np.repeat(np.cumsum(of_user_kept) - of_user_kept, of_user)
    frame = pl.DataFrame(
        {
            "user": codes[user[rows]],
            "item": row_of[item[rows]],
            "time": events[TIME].gather(rows),
            "place": before[rows].astype(np.int32),
            **{f"context.{name}": events[context_name(name)].gather(rows) for name in raw.context},
        }
    )
    counted = {"events": of_user, "served": np.bincount(user[rows], minlength=n)}
    return OtherEvents(
        frame,
        pl.DataFrame(
            {"user": names.gather(more), **{name: counts[more].astype(np.int32) for name, counts in counted.items()}}
        ),
    )


def _coded(values: pl.Series) -> _Coded:
    texts: Any = values.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    found = pa.array(texts).dictionary_encode()
    return _Coded(found.indices.to_numpy(), pl.Series(values.name, pl.from_arrow(found.dictionary), dtype=pl.String))


def _as_first_seen(codes: NDArray[np.int32], n: int) -> NDArray[np.int64]:
    """Return the distinct codes, all below n, in order of first appearance."""
    first = np.full(n, len(codes))
    first[codes[::-1]] = np.arange(len(codes))[::-1]  # of repeated indices the last assignment wins
    present = np.flatnonzero(first < len(codes))
    return present[np.argsort(first[present])]


def _renumbered(codes: NDArray[np.int64], n: int) -> NDArray[np.int32]:
    """Return the position of each code below n in `codes`, -1 for none, [n]."""
    places = np.full(n, -1, dtype=np.int32)
    places[codes] = np.arange(len(codes))
    return places


def _rows(names: pl.Series, known: pl.Series) -> NDArray[np.int32]:
    """Return the index of each name in `known`, -1 for none."""
    index = pl.DataFrame({"name": known}).with_row_index("row")
    found = pl.DataFrame({"name": names}).join(index, on="name", how="left", maintain_order="left")
    return found["row"].cast(pl.Int32).fill_null(-1).to_numpy()


def _of_users(rows: NDArray[np.int64], user: NDArray[np.int32], users: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return rows sorted by user code, reordered by the position of the user in `users`; rows of other users are dropped."""
    counts = np.bincount(user[rows], minlength=int(users.max(initial=-1)) + 1)
    starts = np.cumsum(counts) - counts
    return rows[consecutive(starts[users], counts[users])]


def _ties(user: NDArray[np.int32], clock: NDArray[Any]) -> int:
    """Return the number of events, sorted by user and time, that share both with another event."""
    same = (np.diff(clock) == 0) & (np.diff(user) == 0)
    tied = np.zeros(len(user), dtype=bool)
    tied[1:] |= same
    tied[:-1] |= same
    return int(tied.sum())
