"""Preparation against a slow and simple reference: one list of events, no arrays, no codes."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embrec.data.preparation import PreparationConfig, prepare
from embrec.data.readers.raw import EXACT, RawData
from embrec.errors import DataError


@dataclass(frozen=True)
class Event:
    row: int
    user: str
    item: str
    exact: float
    drawn: int  # decides between events of the same user and time

    @property
    def order(self):
        return (self.exact, self.drawn)


def without_repeats(events, how):
    if how == "keep":
        return events
    if how == "drop":
        keys = [(one.user, one.item, one.exact) for one in events]
        return [one for place, one in enumerate(events) if keys[place] not in keys[:place]]
    pairs = {(one.user, one.item) for one in events}
    firsts = {
        min((o for o in events if (o.user, o.item) == pair), key=lambda o: (o.exact, o.row)).row for pair in pairs
    }
    return [one for one in events if one.row in firsts]


def frequent(events, config):
    while config.filter != "none":
        items, users = Counter(one.item for one in events), Counter(one.user for one in events)
        left = [
            one
            for one in events
            if items[one.item] >= config.min_item_events and users[one.user] >= config.min_user_events
        ]
        done = len(left) == len(events) or config.filter == "one-pass"
        events = left
        if done:
            break
    return events


def latest(events, config):
    kept = []
    for user in dict.fromkeys(one.user for one in events):
        history = sorted((one for one in events if one.user == user), key=lambda one: one.order)
        history = history[-config.last :] if config.last else history
        kept += history if len(history) >= config.min_history else []
    return kept


def by_user(events, users):
    return [one for user in users for one in sorted((o for o in events if o.user == user), key=lambda o: o.order)]


def reference(log, config, described, whole):
    """Return kept users, catalog, kept rows, and the users and rows of the log of all users."""
    drawn = range(len(log))
    if config.tie_seed is not None:
        drawn = np.random.default_rng(config.tie_seed).permutation(len(log)).tolist()
    events = [Event(row, *one, order) for row, (one, order) in enumerate(zip(log, drawn, strict=True))]
    events = without_repeats(events, config.duplicates)
    kept = latest(frequent(events, config), config)
    in_input_order = sorted(kept, key=lambda one: one.row)
    users = list(dict.fromkeys(one.user for one in in_input_order))
    seen = list(dict.fromkeys(one.item for one in in_input_order))
    all_described = config.catalog == "all" or (config.catalog == "source" and whole)
    catalog = [item for item in described if all_described or item in seen]
    catalog += [item for item in seen if item not in described]
    served = [one for one in events if one.item in catalog]
    beside = list(dict.fromkeys(one.user for one in served if one.user not in users))
    rows = [one.row for one in by_user(kept, users)]
    return users, catalog, rows, users + beside, [one.row for one in by_user(served, users + beside)]


logs = st.lists(
    st.tuples(st.sampled_from("uvwxy"), st.sampled_from("abcdef"), st.sampled_from([-1.5, 0.0, 1.0, 1.25, 1.5, 7.0])),
    min_size=1,
    max_size=30,
)
configs = st.builds(
    PreparationConfig,
    filter=st.sampled_from(["one-pass", "iterative", "none"]),
    min_item_events=st.integers(1, 3),
    min_user_events=st.integers(1, 3),
    last=st.none() | st.integers(1, 4),
    min_history=st.integers(1, 3),
    duplicates=st.sampled_from(["drop", "keep", "first"]),
    catalog=st.sampled_from(["source", "seen", "all"]),
    ties=st.sampled_from(["input", "shuffle:seed=0", "shuffle:seed=7"]),
)


@settings(max_examples=100)
@given(logs, configs, st.booleans(), st.booleans())
def test_preparation_equals_the_reference(log, config, exact, whole):
    log = [*log, ("z", "a", 0.0)]  # a log of which nothing is in the catalog is refused
    if not exact:
        log = [(user, item, float(int(time // 1))) for user, item, time in log]
    users, catalog, rows, served, served_rows = reference(log, config, ["c", "unseen", "a"], whole)
    frame = pl.DataFrame(log, schema={"user": pl.String, "item": pl.String, EXACT: pl.Float64}, orient="row")
    frame = frame.with_columns(pl.col(EXACT).floor().cast(pl.Int64).alias("time"), row=pl.int_range(pl.len()))
    frame = frame if exact else frame.drop(EXACT)
    items = pl.DataFrame({"item": ["c", "unseen", "a"], "title": ["x", "y", "z"]})
    raw = RawData(frame, items, ("title",), ("row",), whole)
    if not rows:
        with pytest.raises(DataError, match="no events are left of"):
            prepare(raw, config)
        return
    dataset, report = prepare(raw, config)
    kept, everyone = dataset.interactions, dataset.others.together_with(dataset.interactions)
    assert dataset.catalog.item_ids.tolist() == catalog
    for found, names, expected in ((kept, users, rows), (everyone, served, served_rows)):
        assert found.user_ids.tolist() == names
        assert found.context["row"].tolist() == expected
        assert [names[user] for user in found.user] == [log[row][0] for row in expected]
        assert [catalog[item] for item in found.item] == [log[row][1] for row in expected]
        assert found.time.tolist() == [log[row][2] // 1 for row in expected]
    assert report.kept == {
        "events": len(rows),
        "users": len(users),
        "items": len({log[row][1] for row in rows}),
        "catalog": len(catalog),
    }
    assert sum(report.dropped.values()) == len(log) - len(rows)
    moments = Counter((log[row][0], log[row][2]) for row in rows)
    assert report.ties == sum(count for count in moments.values() if count > 1)
