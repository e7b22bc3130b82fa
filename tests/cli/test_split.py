"""`embrec data split`: the parts of a split and the checks for leaks, as text and as JSON."""

import json
import re

import polars as pl
import pytest

DATE = 1_300_000_000
EVENTS = pl.DataFrame(
    {
        "user": [f"u{n // 6:02d}" for n in range(180)],
        "item": [f"i{(n + n // 6) % 9}" for n in range(180)],
        "timestamp": [DATE + 86_400 * (n // 6 + 2 * (n % 6)) for n in range(180)],
        "place": [n % 6 for n in range(180)],
    }
)
ITEMS = pl.DataFrame(
    {
        "item": [f"i{n}" for n in range(9)],
        "title": [f"title {n}" for n in range(9)],
        "next": [f"i{(n + 1) % 9} other" for n in range(9)],
    }
)


@pytest.fixture
def embrec(run, tmp_path):
    """Run a command where a log was imported, with its dates as `shop` and with mere places as `places`."""
    EVENTS.write_csv(tmp_path / "events.csv")
    ITEMS.write_ndjson(tmp_path / "items.jsonl")
    table = ("data", "import", "--source", "table", "--interactions", "events.csv", "--items", "items.jsonl")
    assert run(*table, "--category", "shop", "--preset", "none")[0] == 0
    assert run(*table, "--category", "places", "--preset", "none", "--time-column", "place")[0] == 0
    return run


def rows(printed):
    return [re.findall(r"[^\s│|]+(?: [^\s│|]+)*", line) for line in printed.splitlines()]


def test_the_parts_are_printed_and_then_the_checks(embrec):
    code, out, err = embrec("data", "split", "--category", "shop")
    assert (code, err) == (0, "")
    assert "category shop, split leave-one-out" in out
    assert ["train", "120", "30", "9", "120", "0", "0", "2011-03-13", "2011-04-17"] in rows(out)
    assert ["test", "30", "30", "9", "30", "0", "0", "2011-03-23", "2011-04-21"] in rows(out)
    assert "note: time overlap: for 83.3 % of the test targets" in out
    assert "ok: ties in time: no two events of a user have the same time" in out
    assert out.index("train") < out.index("note: time overlap") < out.index("ok: ties in time")


def test_a_split_at_a_point_in_time_is_free_of_overlap(embrec):
    code, out, _err = embrec("data", "split", "--category", "shop", "--split", "global-time:targets=last")
    assert code == 0
    assert "category shop, split global-time:targets=last" in out
    assert "ok: time overlap: no training event is later than any test target" in out


def test_places_in_histories_have_no_dates(embrec):
    code, out, _err = embrec("data", "split", "--category", "places")
    assert code == 0
    assert ["train", "120", "30", "9", "120", "0", "0"] in rows(out)
    assert "look like places in the histories" in out


def test_programs_read_json(embrec):
    code, out, err = embrec("data", "split", "--category", "shop", "--split", "user-holdout:test=0.2", "--json")
    assert (code, err) == (0, "")
    values = json.loads(out)
    assert (values["category"], values["split"]["kind"], values["timeline"]) == ("shop", "user-holdout", "dates")
    assert values["parts"]["test"]["users"] == 6
    assert {check["name"]: check["status"] for check in values["leaks"]["checks"]}["new users"] == "note"


def test_features_are_looked_at_on_request(embrec):
    code, out, err = embrec("data", "split", "--category", "shop", "--features", "tfidf")
    assert (code, out) == (2, "")
    assert "no feature table 'tfidf'" in err
    embrec("features", "build", "--category", "shop", "--encoder", "tfidf")
    code, out, _err = embrec("data", "split", "--category", "shop", "--features", "tfidf")
    assert code == 0
    assert re.search(r"ok: fitting of tfidf-\w+: the encoder was fitted on the training items", out)


def test_relations_of_the_catalog_are_looked_at_on_request(embrec):
    code, out, _err = embrec("data", "split", "--category", "shop", "--relations", "next")
    assert code == 0
    assert "relation next" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--relations", "also_bought"), "has no column 'also_bought' to read relations from; there are: item, title"),
        (("--split", "nope"), "--split is 'nope'; there are: leave-one-out"),
        (("--split", "global-time:min_history=9"), "leaves no validation targets and no test targets"),
        (("--category", "absent"), "no category 'absent'"),
        (("--category", "places", "--split", "global-time"), "positions in histories, not timestamps"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_2(embrec, arguments, message):
    category = () if "--category" in arguments else ("--category", "shop")
    code, out, err = embrec("data", "split", *category, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_a_training_prints_what_it_found_once(embrec):
    training = (
        "train", "--category", "shop", "--source", "id", "--epochs", "1", "--set", "model.dim=4", "--set", "model.units=4",
    )  # fmt: skip
    code, out, err = embrec(*training, "--run", "one")
    assert code == 0, err
    assert "note: time overlap: for 83.3 % of the test targets" in err
    assert "checked for leaks, nothing found: ties in time, order in ties, duplicate events" in err
    assert "overlap" not in out
    _code, _out, err = embrec(*training, "--run", "one")
    assert "overlap" not in err
    code, _out, err = embrec(*training, "--run", "many", "--seeds", "0,1")
    assert (code, err.count("time overlap"), err.count("checked for leaks")) == (0, 1, 0)
    assert "as reported before (in full: embrec data split --category shop --split leave-one-out): note" in err
