"""The tables say what was measured."""

import re
from dataclasses import replace

import pytest

from embrec.comparisons.tables import legend, main_tables, markdown


@pytest.fixture
def comparison(compared):
    return compared[1]


def test_tables_show_every_encoder_on_every_slice(comparison):
    all_items, warm, cold, cost, ablation = main_tables(comparison)
    assert [table.title.split(",")[0] for table in (all_items, warm, cold)] == ["all items", "warm items", "cold items"]
    encoders = ["tfidf", "minilm", "tfidf, minilm"]
    baselines = ["pop", "markov", *(f"content-knn ({name})" for name in encoders)]
    for table in (all_items, warm, cold):
        assert [row[0] for row in table.rows] == [*encoders, *baselines]
    assert [row[0] for row in cost.rows] == encoders
    value = comparison.rows[1].metrics["cold items"]["auc"].estimate
    mark = {"better": " ▲", "worse": " ▼", "undecided": ""}[value.test.verdict()]
    assert cold.rows[1][1] == f"{value.mean:.4f} [{value.low:.4f}, {value.high:.4f}]{mark}"
    assert {len(row) for table in (all_items, warm, cold) for row in table.rows} == {
        4
    }  # hr@50 says nothing of 40 items
    assert len(ablation.rows) == 2 * 3
    assert ablation.title.startswith("tfidf, minilm with the vectors of one source set to zero")


def test_verdicts_are_marked(comparison):
    sure = replace(
        comparison.rows[1].metrics["all"]["auc"].estimate.test,
        difference=0.2,
        low=0.1,
        high=0.3,
        adjusted=0.01,
        rank_biserial=0.4,
    )
    for test, mark in ((sure, "▲"), (replace(sure, difference=-0.2, low=-0.3, high=-0.1, rank_biserial=-0.4), "▼")):
        measured = comparison.rows[1].metrics["all"]["auc"]
        marked = replace(measured, estimate=replace(measured.estimate, test=test))
        result = replace(comparison.rows[1], metrics={"all": {"auc": marked}})
        table = main_tables(replace(comparison, rows=(result,), metric_names=("auc",), targets={"all": 60}))[0]
        assert table.rows[0][1].endswith(f" {mark}")
    assert "worse than tfidf" in legend(comparison)
    assert "mean of 2 seeds" in legend(comparison)


def test_the_report_says_how_it_was_made(comparison):
    text = markdown(comparison)
    assert (comparison.folder / "table.md").read_text() == text
    for words in (
        "60 users, 40 items",
        "item-holdout, fraction 0.2",
        "ranked among all items of the catalog",
        "seen items: exclude",
        "Made by `the command`",
        "40 items in 4 categories (column `categories`",
        "difference from tfidf: all items, 60 targets",
        "lowest and highest seed: cold items",
    ):
        assert words in text
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_columns_survive_the_marks_of_a_table(comparison):
    odd = replace(comparison.rows[0], labels={"encoder": "vectors:path=a|b"})
    assert "| vectors:path=a\\|b |" in markdown(replace(comparison, rows=(odd,)))
