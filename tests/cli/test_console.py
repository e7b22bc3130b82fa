import re

import pytest

from embrec.cli.console import print_table, shorten


def test_a_narrow_terminal_folds_texts_but_keeps_ids_and_numbers_whole(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setenv("COLUMNS", "50")
    title = "a very long title of a thing that somebody sells in a shop"
    print_table("", ["item", "title", "score"], [["B00004TFT1", title, 1234567]])
    printed = capsys.readouterr().out
    assert "B00004TFT1" in printed
    assert "1,234,567" in printed
    assert all(word in printed for word in title.split())
    assert title not in printed


def test_a_file_gets_unfolded_lines(monkeypatch, capsys):
    monkeypatch.delenv("COLUMNS", raising=False)
    title = "a very long title of a thing that somebody sells in a shop " * 2
    print_table("", ["item", "title"], [["B00004TFT1", title]])
    assert title.strip() in capsys.readouterr().out


METRICS = ["hr@10", "ndcg@10", "mrr@10", "hr@50", "auc"]
INTERVAL = "0.0865 [0.0812, 0.0918] ▲"


@pytest.mark.parametrize("terminal", [True, False])
def test_eighty_columns_are_enough_for_figures_with_intervals(monkeypatch, capsys, terminal):
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    models = ["pop", "content-knn", "tuned-content-tfidf-bpr-max"]
    print_table("office", ["model", "seeds", *METRICS], [[model, 3, *[INTERVAL] * len(METRICS)] for model in models])
    printed = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, printed.splitlines())) <= 80
    assert printed.count("[0.0812, 0.0918]") == len(models) * len(METRICS)
    assert printed.count("office") == 1
    assert all(printed.count(model) > 1 for model in models)  # every part says whose figures it has
    assert all(printed.count(metric) == 1 for metric in METRICS)


def test_what_fits_stays_one_table(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    print_table("", ["model", "hr@10", "auc"], [["content-knn", INTERVAL, "0.81 ± 0.02"]])
    printed = capsys.readouterr().out
    assert printed.count("model") == 1
    assert INTERVAL in printed
    assert "0.81 ± 0.02" in printed


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ""), ("short", "short"), ("one two three", "one two…"), ("two  spaces", "two spaces")],
)
def test_shorten_cuts_after_a_word(text, expected):
    assert shorten(text, 10) == expected
