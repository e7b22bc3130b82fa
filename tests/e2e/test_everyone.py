"""Filters decide what is trained on, not who is served."""

import json

import polars as pl
import pytest

from embrec.data.store import load_dataset
from embrec.workspace import Workspace


@pytest.fixture(scope="module")
def dropped(shop):
    """A category without the users who have fewer than seven events, a run on it, and those users."""
    shop.here(
        "data", "import", "--source", "table", "--interactions", "log.csv", "--items", "items.jsonl",
        "--category", "busy", "--min-user-events", "7",
    )  # fmt: skip
    shop.here("train", "--category", "busy", "--source", "id", "--epochs", "1", "--run", "busy", "--set", "model.dim=8")
    counts = pl.read_csv(shop.folder / "log.csv")["user"].value_counts()
    users = counts.filter(pl.col("count") < 7)["user"].to_list()
    learned = load_dataset(Workspace(shop.folder / "workspace").category("busy")).interactions.user_ids
    assert 0 < len(users) == 120 - len(learned)
    return users


def test_a_user_whom_the_filter_dropped_gets_recommendations(shop, dropped):
    result = shop.here("recommend", "busy/busy", "--user", dropped[0], "--k", "5", "--json")
    items = [json.loads(line)["item"] for line in result.stdout.splitlines()]
    log = pl.read_csv(shop.folder / "log.csv").filter(pl.col("user") == dropped[0])["item"].to_list()
    assert len(items) == 5
    assert not set(items) & set(log)


def test_scores_are_for_everyone(shop, dropped):
    shop.here("score", "busy/busy", "--output", "everyone.parquet", "--k", "3")
    scores = pl.read_parquet(shop.folder / "everyone.parquet")
    assert scores["user"].n_unique() == 120
    assert set(dropped) < set(scores["user"])


def test_a_sample_is_drawn_over_everyone(shop, dropped):
    result = shop.here("recommend", "busy/busy", "--sample", "120", "--k", "1")
    assert all(f"user {user}, " in result.stdout for user in dropped)
