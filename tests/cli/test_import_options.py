"""The options of an import: the source that they tell, the columns and settings that they name, and wrong ones."""

import gzip
import json

import pytest
from support.shops import TABLE

from embrec.data.store import load_dataset
from embrec.workspace import Workspace

pytestmark = pytest.mark.usefixtures("shop_files")

REVIEWS = {
    "amazon-2014": {"reviewerID": "u", "asin": "a", "unixReviewTime": 1, "overall": 5.0, "helpful": [0, 0]},
    "amazon-2018": {"reviewerID": "u", "asin": "a", "unixReviewTime": 1, "overall": 5.0, "verified": True},
    "amazon-2023": {"user_id": "u", "parent_asin": "a", "timestamp": 1000, "rating": 5.0},
}


@pytest.mark.parametrize("kind", REVIEWS)
def test_reviews_tell_their_year(run, tmp_path, kind):
    (tmp_path / "r.jsonl").write_text(json.dumps(REVIEWS[kind]) + "\n")
    code, _out, err = run("data", "import", "--category", "a", "--reviews", "r.jsonl", "--preset", "none")
    assert (code, f"note: read as --source {kind}, recognised by the keys of the first line" in err) == (0, True)


def test_the_options_tell_the_source(run, tmp_path):
    code, _out, err = run("data", "import", "--interactions", "events.csv", "--category", "a")
    assert (code, "note: read as --source table, recognised by --interactions" in err) == (0, True)
    code, _out, err = run("data", "import", "--source", *TABLE[3:], "--category", "a", "--force")
    assert (code, "read as" in err) == (0, False)
    (tmp_path / "ml").mkdir()
    (tmp_path / "ml" / "ratings.dat").write_text("1::10::5::978300760\n")
    (tmp_path / "ml" / "movies.dat").write_text("10::Toy Story (1995)::Animation\n")
    code, _out, err = run("data", "import", "--path", "ml", "--category", "b", "--preset", "none")
    assert (code, "note: read as --source movielens, recognised by the files of ml" in err) == (0, True)
    (tmp_path / "beauty.txt").write_text("1 5 7 9\n2 5 8\n")
    code, _out, err = run("data", "import", "--path", "beauty.txt", "--category", "c", "--preset", "none")
    assert (code, "note: read as --source sequences, recognised by the lines of beauty.txt" in err) == (0, True)


def test_presets_and_their_options(run, tmp_path):
    run(*TABLE, "--category", "a", "--preset", "5-core", "--min-item-events", "11")
    code, _out, err = run(*TABLE, "--category", "b", "--last", "0", "--duplicates", "first", "--catalog", "seen")
    assert code == 0
    config = load_dataset(Workspace(tmp_path / "workspace").category("b")).meta["preparation"]
    assert (config["last"], config["duplicates"], config["catalog"]) == (None, "first", "seen")
    code, _out, err = run("data", "stats", "--category", "a")
    assert code == 2
    assert "no category 'a'" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--source", "nope"), "unknown source 'nope'; there are: table, sequences, recbole, amazon-2014"),
        (("--source", "amazon2023"), "unknown source 'amazon2023'; did you mean 'amazon-2023'?"),
        (
            ("--items", "items.jsonl"),
            "what to import is not said; give --interactions FILE, --reviews FILE, --path FOLDER",
        ),
        (
            ("--interactions", "events.csv", "time.csv", "slash.csv"),
            "time.csv has no option before it; put a pattern of several files between quotes, as in '*.csv'",
        ),
        (("--interactions", "events.csv", "shop"), "'shop' has no option before it"),
        (("--path", "x", "--reviews", "y"), "--reviews and --path belong to different sources"),
        (
            ("--path", "nothing"),
            "nothing has no files of a layout that is known (it has: notes.txt); name the source with",
        ),
        (("--path", "shop.zip"), "shop.zip is an archive; unpack it, and give the unpacked folder as --path"),
        (
            ("--source", "movielens", "--path", "shop.zip"),
            "shop.zip is a file; unpack it, and give the unpacked folder",
        ),
        (("--path", "absent"), "no such file or folder: absent"),
        (("--path", "events.csv"), "events.csv looks like a table; give it as --interactions"),
        (("--reviews", "events.csv"), "events.csv, line 1: not valid JSON"),
        (("--reviews", "events.csv"), "a table of ratings is read with --interactions"),
        (("--reviews", "items.jsonl"), "the first line has the keys item, title, which match no year"),
        (("--source", "table"), "--source table needs --interactions (the interaction log)"),
        (("--source", "amazon-2014"), "--source amazon-2014 needs --reviews"),
        (("--source", "movielens", "--reviews", "x"), "--reviews does not belong to --source movielens"),
        (("--source", "complete-journey", "--images", "x"), "--images does not belong to --source complete-journey"),
        (("--source", "table", "--interactions", "absent.csv"), "no such file: absent.csv"),
        (("--source", "movielens", "--path", "absent"), "no such folder: absent"),
        ((*TABLE[2:], "--user-column", "visitor"), "no column 'visitor' (given by --user-column); it has: user, item"),
        (
            (*TABLE[2:], "--preset", "10-core"),
            "--preset '10-core' is unknown; did you mean '5-core'? there are: embrec",
        ),
        ((*TABLE[2:], "--duplicates", "merge"), "--duplicates is 'merge': Input should be 'drop', 'keep' or 'first'"),
        ((*TABLE[2:], "--time-unit", "days"), "--time-unit is 'days'"),
        ((*TABLE[2:], "--last", "-1"), "--last is -1"),
        ((*TABLE[2:], "--min-user-events", "9"), "no events are left of 60: 60 went as"),
        ((*TABLE[2:], "--category", "a/b"), "category 'a/b' is not a usable name"),
        (("--source", "amazon-2014", "--reviews", "cut.gz"), "cut.gz, after line 1: the gzip file is cut off"),
        (("--source", "amazon-2018", "--reviews", "broken.json"), "broken.json, line 2: not valid JSON"),
        (("--source", "table", "--interactions", "time.csv"), "time.csv, line 3: column 'timestamp' is 'noon'"),
        (("--source", "table", "--interactions", "slash.csv"), "slash.csv, line 2: the item id 'a/b' has a slash"),
        (("--source", "table", "--interactions", "empty.csv"), "the interaction log is empty"),
    ],
)
def test_what_is_wrong_is_one_line_exit_2_and_nothing_written(run, tmp_path, arguments, message):
    review = b'{"reviewerID": "u", "asin": "a", "unixReviewTime": 1, "overall": 5.0}\n'
    (tmp_path / "nothing").mkdir()
    (tmp_path / "shop.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    (tmp_path / "nothing" / "notes.txt").touch()
    (tmp_path / "cut.gz").write_bytes(gzip.compress(review * 50)[:-12])
    (tmp_path / "broken.json").write_bytes(review + b'{"reviewerID": \n')
    (tmp_path / "time.csv").write_text("user,item,timestamp\nu,a,1\nu,a,noon\n")
    (tmp_path / "slash.csv").write_text("user,item,timestamp\nu,a/b,1\n")
    (tmp_path / "empty.csv").write_text("user,item,timestamp\n")
    category = () if "--category" in arguments else ("--category", "shop")
    code, _out, err = run("data", "import", *category, *arguments)
    assert code == 2
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert err.endswith(errors[0] + "\n")
    assert message in errors[0]
    assert not (tmp_path / "workspace" / "shop").exists()


FASHION = {
    "log.csv": "customer_id,article_id,t_dat\n"
    "c1,0108775015,1600000000000\nc1,0108775044,1600000000900\nc2,0108775015,1600000001000\n",
    "articles.csv": "article_id,product_code,prod_name,price\n"
    '0108775015,0108775,Strap top,"9,99"\n0108775044,0108775,Lamp,"5,00"\n',
}


def test_an_import_says_what_it_took_for_granted(run, tmp_path):
    for name, content in FASHION.items():
        (tmp_path / name).write_text(content)
    command = ("data", "import", "--source", "table", "--interactions", "log.csv", "--items", "articles.csv")
    code, out, err = run(*command, "--category", "shop", "--preset", "none")
    assert code == 0
    assert [line for line in err.splitlines() if line.startswith(("note", "warning"))] == [
        "note: item column: article_id",
        "note: user column: customer_id",
        "note: time column: t_dat",
        "note: column 't_dat': the times are read as milliseconds, in which all of them are plausible; time unit: ms",
        "note: column 'price' is read as numbers: '9,99' as 9.99",
        "note: not read as text: product_code (codes and numbers); to read what you choose: --text-column",
    ]
    assert "text columns: prod_name" in out
    assert ", titles: prod_name" in out
    dataset = load_dataset(Workspace(tmp_path / "workspace").category("shop"))
    assert dataset.interactions.time.tolist() == [1_600_000_000, 1_600_000_000, 1_600_000_001]
    assert dataset.catalog.titles() == ["Strap top", "Lamp"]
    assert dataset.meta["report"]["warnings"] == []


def test_an_import_of_two_files_whose_ids_do_not_match_ends_with_an_example_of_each(run, tmp_path):
    (tmp_path / "log.csv").write_text(FASHION["log.csv"].replace("0108", "108"))
    (tmp_path / "articles.csv").write_text(FASHION["articles.csv"])
    command = ("data", "import", "--source", "table", "--interactions", "log.csv", "--items", "articles.csv")
    code, _out, err = run(*command, "--category", "shop")
    assert code == 2
    assert "'108775015' in the log, '0108775015' in the catalog: leading zeros were lost on one side" in err
    assert not (tmp_path / "workspace" / "shop").exists()
    (tmp_path / "log.csv").write_text(FASHION["log.csv"].replace("0108775044", "108775044"))
    code, _out, err = run(*command, "--category", "shop", "--preset", "none")
    assert code == 0
    assert "warning: only 1 of the 2 items of the log are in the catalog (50.0 %); 1 more would be" in err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--user-column", "custmer_id"), "did you mean 'customer_id'?"),
        (("--text-column", "prodname"), "did you mean 'prod_name'?"),
        (("--title-column", "titel"), "(given by --title-column); it has: article_id, product_code, prod_name, price"),
        (("--time-unit", "minutes"), "--time-unit is 'minutes': Input should be 's', 'ms', 'us', 'ns' or 'yyyymmdd'"),
    ],
)
def test_a_wrong_column_or_unit_is_answered_with_what_there_is(run, tmp_path, option, message):
    for name, content in FASHION.items():
        (tmp_path / name).write_text(content)
    command = ("data", "import", "--source", "table", "--interactions", "log.csv", "--items", "articles.csv")
    code, _out, err = run(*command, "--category", "shop", *option)
    assert code == 2
    assert message in err
