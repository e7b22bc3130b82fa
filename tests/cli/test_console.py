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
    monkeypatch.setenv("COLUMNS", "50")
    title = "a very long title of a thing that somebody sells in a shop"
    print_table("", ["item", "title"], [["B00004TFT1", title]])
    assert title in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ""), ("short", "short"), ("one two three", "one two…"), ("two  spaces", "two spaces")],
)
def test_shorten_cuts_after_a_word(text, expected):
    assert shorten(text, 10) == expected
