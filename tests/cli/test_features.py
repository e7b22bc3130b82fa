"""`embrec features`: what it prints, and how it refuses."""

import re
import sys

import polars as pl
import pytest

from embrec.cli import main


@pytest.fixture
def embrec(tmp_path, monkeypatch, capsys):
    """Run a command in this process beside an imported category; return its exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.delenv("EMBREC_DEBUG", raising=False)
    monkeypatch.delenv("EMBREC_WORKSPACE", raising=False)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["embrec", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        return stop.value.code or 0, printed.out, printed.err

    events = {"user": [f"u{n // 6}" for n in range(60)], "item": [f"i{n % 6}" for n in range(60)]}
    pl.DataFrame({**events, "timestamp": list(range(60))}).write_csv("events.csv")
    titles = ["red scarf", "red scarf", "blue hat", "", "green hat", "blue sock"]
    items = pl.DataFrame({"item": [f"i{n}" for n in range(6)], "title": titles, "brand": ["acme"] * 6})
    items.write_ndjson("items.jsonl")
    code, _, errors = run(
        "data", "import", "--source", "table", "--interactions", "events.csv", "--items", "items.jsonl",
        "--category", "shop", "--preset", "none",
    )  # fmt: skip
    assert code == 0, errors
    return run


BUILD = ("features", "build", "--category", "shop", "--encoder", "tfidf")


def test_a_build_says_what_it_did_and_a_second_one_that_nothing_was_left(embrec):
    code, _, printed = embrec(*BUILD, "--text", "title")
    assert code == 0
    counts = (
        "6 items, 4 encoded, 0 there already, 1 with the content of another, 1 with nothing to encode, 0 unreadable"
    )
    assert counts in printed
    code, _, printed = embrec(*BUILD, "--text", "title")
    assert code == 0
    assert counts.replace("4 encoded, 0", "0 encoded, 4") in printed


def test_list_shows_every_table_and_names_the_damaged_file(embrec, tmp_path):
    embrec(*BUILD)
    features = tmp_path / "workspace" / "shop" / "features"
    (path,) = features.glob("*.h5")
    (features / "tfidf-junk.h5").write_bytes(b"junk")
    code, printed, errors = embrec("features", "list", "--category", "shop")
    assert code == 0
    assert re.search(rf"{path.stem}\s+6\s+6\s", printed)
    assert "tfidf-junk.h5 is no readable feature table" in errors.replace("\n", "")


def test_an_unknown_encoder_is_an_error_of_one_line(embrec, tmp_path):
    code, printed, errors = embrec("features", "build", "--category", "shop", "--encoder", "elmoo")
    assert (code, printed) == (2, "")
    assert "unknown encoder 'elmoo'" in errors
    assert not (tmp_path / "workspace" / "shop" / "features").exists()


def test_a_text_column_is_for_the_encoders_of_texts_only(embrec, tmp_path):
    code, _, errors = embrec(*BUILD, "--encoder", "efficientnet-lite0", "--text", "title")
    assert "tfidf" in errors
    assert "parameter 'columns'" not in errors
    assert code == 2  # there are no images, which is found after the texts are encoded
    assert len(list((tmp_path / "workspace" / "shop" / "features").glob("tfidf-*.h5"))) == 1
    code, _, errors = embrec(
        "features", "build", "--category", "shop", "--encoder", "efficientnet-lite0", "--text", "title"
    )
    assert code == 2
    assert "no encoder of texts is asked for" in errors
