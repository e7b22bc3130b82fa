"""Logs are joined to a model by the ids of their items: rows of one catalog are never read as rows of another."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from support.serving import random_histories, toy_recommender

import embrec
from embrec.data.catalog import Catalog
from embrec.data.interactions import Interactions
from embrec.data.store import Dataset
from embrec.errors import ConfigError, DataError

N_ITEMS = 60


def log_of(histories: dict[str, list[str]], catalog: Catalog) -> Interactions:
    """The log of some histories as rows of a catalog."""
    users = np.array(list(histories), dtype=object)
    user = np.repeat(np.arange(len(users)), [len(history) for history in histories.values()])
    items = catalog.rows(item for history in histories.values() for item in history)
    return Interactions.from_events(users, user, items, np.arange(len(items)), item_ids=catalog.frame["item"])


@pytest.fixture(scope="module")
def model():
    return toy_recommender(n_items=N_ITEMS, distinct=N_ITEMS)


@pytest.fixture(scope="module")
def histories():
    drawn = [history for history in random_histories(N_ITEMS, 80, longest=20) if history]
    return {f"u{place}": history for place, history in enumerate(drawn)}


@pytest.fixture(scope="module")
def expected(model, histories):
    """What `recommend` says of each history."""
    answers = model.recommend(list(histories.values()), k=5)
    return {user: [item.item for item in answer] for user, answer in zip(histories, answers, strict=True)}


def lists(scores: pl.DataFrame) -> dict[str, list[str]]:
    """The list of each user."""
    by_user = scores.sort("user", "rank").group_by("user", maintain_order=True).agg("item")
    return dict(by_user.iter_rows())


def test_a_log_of_the_same_catalog_gets_the_lists_of_recommend(model, histories, expected):
    log = log_of(histories, model.catalog)
    assert lists(embrec.score_by_user(model, log, k=5)) == expected
    assert lists(embrec.score_by_user(model, Dataset(model.catalog, log), k=5)) == expected


def test_a_log_of_a_catalog_in_another_order_gets_the_same_lists(model, histories, expected):
    """The day after: the category was imported again, with more items, and its catalog has another order."""
    ids = [f"new{row}" for row in range(7)] + model.catalog.item_ids.tolist()[::-1]
    today = Catalog(pl.DataFrame({"item": ids}))
    log = log_of(histories, today)
    assert lists(embrec.score_by_user(model, log, k=5)) == expected
    assert lists(embrec.score_by_user(model, Dataset(today, log), k=5)) == expected


def test_a_log_of_a_catalog_without_some_items_gets_the_same_lists(model, histories, expected):
    used = {item for history in histories.values() for item in history}
    today = Catalog(model.catalog.frame.filter(pl.col("item").is_in(list(used)[::-1])))
    assert lists(embrec.score_by_user(model, log_of(histories, today), k=5)) == expected


def test_events_of_items_that_the_model_does_not_know_are_refused(model, histories):
    today = Catalog(pl.DataFrame({"item": ["brand new", *model.catalog.item_ids.tolist()]}))
    log = log_of({**histories, "u9999": ["i001", "brand new"]}, today)
    with pytest.raises(DataError, match=r"1 of the .* events are of 1 items that run 'toy' does not know.*'brand new'"):
        embrec.score_by_user(model, log)


def test_a_log_that_does_not_say_whose_rows_it_holds_is_refused(model, histories):
    log = replace(log_of(histories, model.catalog), item_ids=None)
    with pytest.raises(DataError, match="are row numbers of an unknown catalog"):
        embrec.score_by_user(model, log)


@pytest.mark.parametrize("form", ["polars", "pandas", "arrow", "dicts", "csv"])
def test_tables_of_users_and_items_are_logs(model, histories, expected, form, tmp_path):
    rows = [{"user": user, "item": item} for user, history in histories.items() for item in history]
    frame = pl.DataFrame(rows)
    frame.write_csv(tmp_path / "log.csv")
    if form == "pandas":
        pytest.importorskip("pandas")
    made = {
        "polars": lambda: frame,
        "pandas": frame.to_pandas,
        "arrow": frame.to_arrow,
        "dicts": lambda: rows,
        "csv": lambda: str(tmp_path / "log.csv"),
    }[form]()
    assert lists(embrec.score_by_user(model, made, k=5)) == expected


def test_times_put_the_events_of_a_table_in_order(model):
    history = ["i001", "i002", "i003"]
    expected = [item.item for item in model.recommend(history, k=5)]
    for times in ([1, 2, 3], [0.1, 0.2, 0.3], ["2024-01-01", "2024-01-02", "2024-01-03"], ["9", "10", "11"]):
        rows = [
            {"User_ID": "ann", "item_id": item, "Timestamp": time} for item, time in zip(history, times, strict=True)
        ]
        assert lists(embrec.score_by_user(model, rows[::-1], k=5)) == {"ann": expected}


@pytest.mark.parametrize("name", ["t_ms", "Timestmp", "event_date_utc", "bought_at", "zeit"])
def test_a_column_that_may_hold_the_times_is_not_passed_over(model, name):
    """A table whose times have an uncommon name would be taken to be in order, and everybody's list be another one."""
    days = [date(2024, 1, 2), date(2024, 1, 1)]
    rows = [{"user": "ann", "item": item, name: day} for item, day in zip(["i002", "i001"], days, strict=True)]
    with pytest.raises(DataError, match=f"the log: column '{name}' may hold the times; .* call it 'timestamp'"):
        embrec.score_by_user(model, rows)
    named = [{"user": row["user"], "item": row["item"], "timestamp": row[name]} for row in rows]
    expected = [item.item for item in model.recommend(["i001", "i002"], k=5)]
    assert lists(embrec.score_by_user(model, named, k=5)) == {"ann": expected}


def test_halves_of_a_time_are_not_taken_for_it(model):
    rows = [
        {"user": "ann", "item": "i001", "date": "2024-01-02", "time": "10:00"},
        {"user": "ann", "item": "i002", "date": "2024-01-02", "time": "09:00"},
    ]
    with pytest.raises(DataError, match="the columns 'date' and 'time' could both hold the times"):
        embrec.score_by_user(model, rows)


def test_columns_that_hold_no_times_do_not_matter(model, histories, expected):
    rows = [
        {"user": user, "item": item, "price": 9.99, "channel": "web", "quantity": 1}
        for user, history in histories.items()
        for item in history
    ]
    assert lists(embrec.score_by_user(model, rows, k=5)) == expected


def test_ids_that_are_written_otherwise_are_told_from_new_items():
    model = toy_recommender(n_items=5, distinct=5)
    with pytest.raises(DataError, match=r"'I001 ' in the log, 'i001' in the run's catalog: blanks .* correct the ids"):
        embrec.score_by_user(model, [{"user": "ann", "item": "I001 "}, {"user": "ann", "item": "i002"}])
    with pytest.raises(DataError, match=r"such as 'z9': items that came after its training"):
        embrec.score_by_user(model, [{"user": "ann", "item": "z9"}])


def test_tables_that_are_no_logs_are_refused(model):
    with pytest.raises(DataError, match="has no column 'item'"):
        embrec.score_by_user(model, [{"user": "ann", "thing": "i001"}])
    with pytest.raises(DataError, match="item id is empty"):
        embrec.score_by_user(model, [{"user": "ann", "item": "i001"}, {"user": "ann", "item": None}])
    with pytest.raises(DataError, match=r"row 2.*time"):
        embrec.score_by_user(
            model, [{"user": "a", "item": "i001", "time": 5}, {"user": "a", "item": "i001", "time": None}]
        )


def test_a_log_of_nobody_else_does_not_change_anybodys_list(model, histories, expected):
    for user, history in list(histories.items())[:15]:
        alone = embrec.score_by_user(model, log_of({user: history}, model.catalog), k=5)
        assert lists(alone) == {user: expected[user]}


def test_the_best_users_of_a_new_item_are_those_to_whom_it_is_worth_most(model, histories):
    extended = toy_recommender(n_items=N_ITEMS + 3, distinct=N_ITEMS)
    extended.n_trained = N_ITEMS
    log = log_of(histories, model.catalog)
    everything = embrec.score_by_user(extended, log, k=N_ITEMS + 3)
    found = embrec.score_by_item(extended, log, k=6)
    place = {user: number for number, user in enumerate(histories)}
    for item in ("i060", "i061", "i062"):
        of_item = everything.filter(pl.col("item") == item).rows(named=True)
        best = sorted(of_item, key=lambda row: (-row["score"], place[row["user"]]))[:6]
        mine = found.filter(pl.col("item") == item)
        assert mine["user"].to_list() == [row["user"] for row in best]
        assert mine["score"].to_list() == [row["score"] for row in best]
        assert mine["rank"].to_list() == [1, 2, 3, 4, 5, 6]


def test_users_with_the_same_score_stand_in_the_order_of_the_log():
    model = toy_recommender(n_items=20)
    model.n_trained = 19
    same = {f"u{place}": ["i001", "i002"] for place in (3, 1, 2, 9, 5)}
    found = embrec.score_by_item(model, log_of(same, model.catalog), k=4)
    assert found["user"].to_list() == ["u3", "u1", "u2", "u9"]


def test_counts_that_are_none_are_refused(model, histories):
    log = log_of(histories, model.catalog)
    for k in (0, -1, 2.5, True, "3"):
        with pytest.raises(ConfigError, match="whole number from 1"):
            embrec.score_by_user(model, log, k=k)
        with pytest.raises(ConfigError, match="whole number from 1"):
            model.recommend(["i001"], k=k)
