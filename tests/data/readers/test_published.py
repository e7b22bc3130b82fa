"""Published data sets, each on a few lines of its published form."""

import json
import shutil
import zipfile
from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from embrec.data.importing import SOURCES
from embrec.data.readers.hm import HMSource
from embrec.data.readers.microlens import MicroLensSource
from embrec.data.readers.mind import MindSource
from embrec.data.readers.otto import OttoSource
from embrec.data.readers.pixelrec import PixelRecSource
from embrec.data.readers.retailrocket import RetailRocketSource
from embrec.data.recognition import recognise
from embrec.errors import DataError
from embrec.runs.folder import RunFolder
from embrec.serving.reading import read_new_items


def seconds(*moment):
    return int(datetime(*moment, tzinfo=UTC).timestamp())


def hm(folder):
    folder.mkdir()
    (folder / "transactions_train.csv").write_text(
        '"t_dat","customer_id","article_id","price","sales_channel_id"\n'
        "2018-09-20,000058a1,0108775015,0.0508,2\n2018-09-21,000058a1,0108775044,0.0304,1\n"
    )
    (folder / "articles.csv").write_text(
        "article_id,product_code,prod_name,product_type_name,colour_group_code,colour_group_name,detail_desc\n"
        '0108775015,0108775,Strap top,Vest top,09,Black,"Jersey top, narrow"\n0110065001,0110065,Bra,Bra,09,Black,\n'
    )
    (folder / "customers.csv").write_text("customer_id,age\n000058a1,49\n")
    (folder / "images" / "010").mkdir(parents=True)
    (folder / "images" / "010" / "0108775015.jpg").touch()
    return folder


def test_hm_keeps_leading_zeros_and_finds_photos(tmp_path):
    folder = hm(tmp_path / "hm")
    raw = HMSource(path=folder).read()
    assert raw.events.rows() == [
        ("000058a1", "0108775015", seconds(2018, 9, 20), 0.0508, 2.0),
        ("000058a1", "0108775044", seconds(2018, 9, 21), 0.0304, 1.0),
    ]
    assert raw.context == ("price", "sales_channel_id")
    assert raw.items["item"].to_list() == ["0108775015", "0110065001"]
    assert raw.items["image"].to_list() == [str(folder / "images" / "010" / "0108775015.jpg"), None]
    assert raw.text_columns == ("title", "product_type_name", "colour_group_name", "description")
    assert raw.items["description"].to_list() == ["Jersey top, narrow", None]
    assert raw.notes == {"items without an image": 1}


def test_hm_gives_lost_zeros_back(tmp_path):
    folder = hm(tmp_path / "hm")
    for name in ("transactions_train.csv", "articles.csv"):
        (folder / name).write_text((folder / name).read_text().replace(",01087", ",1087").replace("\n01", "\n1"))
    raw = HMSource(path=folder).read()
    assert raw.events["item"].to_list() == ["0108775015", "0108775044"]
    assert raw.items["item"].to_list() == ["0108775015", "0110065001"]
    assert raw.notes["events with restored leading zeros of the article id"] == 2
    assert raw.notes["items with restored leading zeros of the article id"] == 2


def mind(folder):
    folder.mkdir(parents=True)
    (folder / "behaviors.tsv").write_text(
        "1\tU13740\t11/11/2019 9:05:58 AM\tN55189 N42782\tN55689-1 N35729-0\n"
        "2\tU13740\t11/12/2019 6:11:30 PM\tN55189 N42782\tN20678-0 N39317-1 N58114-1\n"
        "3\tU91836\t11/12/2019 12:01:00 AM\t\tN20678 N39317\n"
    )
    (folder / "news.tsv").write_text(
        'N55689\tlifestyle\troyals\tThe "Brands"\tShop the notebooks.\thttps://x\t[]\t[]\n'
        "N39317\thealth\tweightloss\t50 Worst Habits\t\thttps://y\t[]\t[]\n"
    )
    return folder


def test_mind_takes_clicks_at_the_time_of_their_impression(tmp_path):
    folder = mind(tmp_path / "train")
    raw = MindSource(path=folder).read()
    assert raw.events.rows() == [
        ("U13740", "N55689", seconds(2019, 11, 11, 9, 5, 58)),
        ("U13740", "N39317", seconds(2019, 11, 12, 18, 11, 30)),
        ("U13740", "N58114", seconds(2019, 11, 12, 18, 11, 30)),
    ]
    assert raw.notes == {
        "articles shown without a label (clicked or not), left out": 2,
        "clicks of histories, without times, left out (`histories='first'` puts them first)": 2,
    }
    assert raw.items.rows()[0] == ("N55689", 'The "Brands"', "Shop the notebooks.", "lifestyle", "royals", "https://x")
    assert raw.items["abstract"].to_list() == ["Shop the notebooks.", None]


def test_mind_can_put_histories_first_in_their_order(tmp_path):
    raw = MindSource(path=mind(tmp_path / "train"), histories="first").read()
    begin = seconds(2019, 10, 12)
    assert raw.events.rows()[:2] == [("U13740", "N55189", begin), ("U13740", "N42782", begin + 1)]
    assert len(raw.events) == 5
    assert "without times" not in str(raw.notes)


def test_mind_of_several_folders_is_one(tmp_path):
    mind(tmp_path / "MINDsmall_train")
    mind(tmp_path / "MINDsmall_dev")
    raw = MindSource(path=tmp_path).read()
    assert (len(raw.events), len(raw.items)) == (6, 2)
    (tmp_path / "MINDsmall_dev" / "news.tsv").unlink()
    with pytest.raises(DataError, match=r"MINDsmall_dev has behaviors\.tsv but no news\.tsv"):
        MindSource(path=tmp_path).read()


def microlens(folder, header="user,item,timestamp\n", titles="item,title\n"):
    folder.mkdir()
    (folder / "MicroLens-50k_pairs.csv").write_text(header + "36121,9580,1583378629552\n36121,1,1583378629999\n")
    (folder / "MicroLens-50k_pairs.tsv").write_text("36121\t9580 1\n")
    (folder / "MicroLens-50k_titles.csv").write_text(titles + '1,"A dog, swimming"\n9580,\n')
    (folder / "MicroLens-50k_covers").mkdir()
    (folder / "MicroLens-50k_covers" / "1.jpg").touch()
    return folder


@pytest.mark.parametrize("header", ["user,item,timestamp\n", "userID,videoID,timestamp\n"])
@pytest.mark.parametrize("titles", ["item,title\n", ""])
def test_microlens_with_and_without_headers(tmp_path, header, titles):
    raw = MicroLensSource(path=microlens(tmp_path / "m", header, titles)).read()
    assert raw.events.rows(named=True) == [
        {"user": "36121", "item": "9580", "time": 1583378629, "exact_time": 1583378629552},
        {"user": "36121", "item": "1", "time": 1583378629, "exact_time": 1583378629999},
    ]
    assert raw.items["title"].to_list() == ["A dog, swimming", None]
    assert raw.items["image"].to_list() == [str(tmp_path / "m" / "MicroLens-50k_covers" / "1.jpg"), None]
    assert raw.remarks == ["the times are milliseconds"]


def test_microlens_without_times_or_of_two_sizes(tmp_path):
    folder = microlens(tmp_path / "m")
    (folder / "MicroLens-50k_pairs.csv").unlink()
    assert MicroLensSource(path=folder).read().events.rows() == [("36121", "9580", 0), ("36121", "1", 1)]
    (folder / "MicroLens-100k_pairs.csv").write_text("user,item,timestamp\n")
    with pytest.raises(DataError, match=r"has 2 files that could be the interactions"):
        MicroLensSource(path=folder).read()


def pixelrec(folder):
    (folder / "cover").mkdir(parents=True)
    (folder / "Pixel200K.csv").write_text("item_id,user_id,timestamp\ni5,u1,1658891234\ni6,u1,1658891235\n")
    (folder / "info.csv").write_text(
        "item_id,view_number,title,tag,description\ni5,10,Cats,animals,Two cats\ni6,3,Dogs,animals,\n"
    )
    (folder / "cover" / "i5.jpg").touch()
    return folder


def test_pixelrec_is_told_by_its_columns(tmp_path):
    folder = pixelrec(tmp_path / "p")
    raw = PixelRecSource(path=folder).read()
    assert raw.events.rows() == [("u1", "i5", 1658891234), ("u1", "i6", 1658891235)]
    assert raw.text_columns == ("title", "tag", "description")
    assert raw.items["image"].to_list() == [str(folder / "cover" / "i5.jpg"), None]
    (folder / "Pixel1M.csv").write_text("item_id,user_id,timestamp\ni5,u1,1658891234\n")
    with pytest.raises(DataError, match=r"2 files that could be the interactions .*Pixel1M\.csv, Pixel200K\.csv"):
        PixelRecSource(path=folder).read()
    assert len(PixelRecSource(path=folder / "Pixel1M.csv").read().events) == 1


def retailrocket(folder):
    folder.mkdir()
    (folder / "events.csv").write_text(
        "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n"
        "1433221332118,257597,transaction,5,4000\n1433221999827,992329,addtocart,355908,\n"
    )
    header = "timestamp,itemid,property,value\n"
    (folder / "item_properties_part1.csv").write_text(
        header + "1435460400000,355908,categoryid,1338\n1435460400000,355908,790,n100.000 55\n1435460400000,9,790,1\n"
    )
    (folder / "item_properties_part2.csv").write_text(
        header + "1436460400000,355908,790,n200.000 66\n1435460400000,355908,available,0\n1435460400000,355908,6,77\n"
    )
    (folder / "category_tree.csv").write_text("categoryid,parentid\n1338,213\n213,1\n1,\n")
    return folder


def test_retailrocket_has_hashed_words_and_categories(tmp_path):
    raw = RetailRocketSource(path=retailrocket(tmp_path / "rr")).read()
    assert raw.events.rows(named=True)[1] == {
        "user": "257597",
        "item": "5",
        "time": 1433221332,
        "exact_time": 1433221332118,
        "event": "transaction",
    }
    assert raw.items.rows(named=True) == [
        {
            "item": "355908",
            "properties": "77 n200.000 66",
            "category": "1338",
            "categories": "category1 category213 category1338",
        }
    ]
    assert "the words of 'properties' are hashed" in raw.remarks[1]


def test_retailrocket_events_of_some_kinds_and_without_properties(tmp_path):
    folder = retailrocket(tmp_path / "rr")
    raw = RetailRocketSource(path=folder, event=("addtocart", "transaction")).read()
    assert raw.events["event"].to_list() == ["transaction", "addtocart"]
    assert raw.notes == {"events of other kinds than addtocart, transaction": 1}
    with pytest.raises(DataError, match="unknown kind of event 'buy'; there are: view, addtocart, transaction"):
        RetailRocketSource(path=folder, event=("buy",)).read()
    for part in (1, 2):
        (folder / f"item_properties_part{part}.csv").unlink()
    raw = RetailRocketSource(path=folder).read()
    assert raw.items is None
    assert "no texts: the files of item properties are not there" in raw.remarks


SESSIONS = [
    {
        "session": 7,
        "events": [{"aid": 5, "ts": 1661200010001, "type": "clicks"}, {"aid": 5, "ts": 1661200010002, "type": "carts"}],
    },
    {"session": 8, "events": [{"aid": 6, "ts": 1661200020000, "type": "orders"}]},
]
OTTO_ROWS = [("7", "5", 1661200010, "clicks"), ("7", "5", 1661200010, "carts"), ("8", "6", 1661200020, "orders")]


def otto(folder):
    folder.mkdir()
    (folder / "train.jsonl").write_text("".join(json.dumps(session) + "\n" for session in SESSIONS))
    return folder


@pytest.mark.parametrize("file", ["", "train.jsonl"])
def test_otto_sessions(tmp_path, file):
    raw = OttoSource(path=otto(tmp_path / "otto") / file).read()
    assert raw.events.select("user", "item", "time", "type").rows() == OTTO_ROWS
    assert raw.events["exact_time"].to_list() == [1661200010001, 1661200010002, 1661200020000]
    raw = OttoSource(path=tmp_path / "otto", event=("carts",)).read()
    assert raw.events["type"].to_list() == ["carts"]


@pytest.mark.parametrize("kind", [["clicks", "carts", "orders"], [0, 1, 2]])
def test_otto_as_parquet_in_seconds(tmp_path, kind):
    frame = pl.DataFrame(
        {"session": [7, 7, 8], "aid": [5, 5, 6], "ts": [1661200010, 1661200010, 1661200020], "type": kind}
    )
    frame.write_parquet(tmp_path / "train.parquet")
    raw = OttoSource(path=tmp_path).read()
    assert raw.events.select("user", "item", "time", "type").rows() == OTTO_ROWS
    assert "exact_time" not in raw.events.columns


LAYOUTS = {
    "hm": hm,
    "mind": mind,
    "microlens": microlens,
    "pixelrec": pixelrec,
    "retailrocket": retailrocket,
    "otto": otto,
}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_folder_tells_its_source_and_its_files(tmp_path, kind):
    folder = LAYOUTS[kind](tmp_path / "data")
    assert recognise({"path": folder})[0] == kind
    files = SOURCES[kind](source=kind, path=folder).files()
    assert files
    assert all(file.is_file() for file in files)


CATALOGS = {
    "hm": "articles.csv",
    "mind": "news.tsv",
    "microlens": "MicroLens-50k_titles.csv",
    "pixelrec": "info.csv",
    "retailrocket": "item_properties_part1.csv",
}


def run_of(source, folder):
    """A run whose catalog was imported from a source, as far as reading new items is concerned."""
    folder.mkdir()
    (folder / "source.json").write_text(source.model_dump_json())
    return RunFolder(folder)


@pytest.mark.parametrize("kind", CATALOGS)
def test_new_items_in_the_form_of_the_catalog_are_read_as_it_was(tmp_path, kind):
    folder = LAYOUTS[kind](tmp_path / "data")
    source = SOURCES[kind](source=kind, path=folder)
    if kind == "retailrocket":  # one file of properties has all of what some items have
        (folder / "item_properties_part2.csv").unlink()
    file = (folder / CATALOGS[kind]).rename(tmp_path / f"new{(folder / CATALOGS[kind]).suffix}")
    shutil.copy(file, folder / CATALOGS[kind])
    expected = source.read().items
    found = read_new_items(run_of(source, tmp_path / "run"), file)
    assert_frame_equal(found.frame.filter(pl.col("item").is_in(expected["item"].to_list())), expected)


def test_new_articles_of_hm_in_memory_are_read_as_those_of_the_file(tmp_path):
    source = HMSource(path=hm(tmp_path / "hm"))
    frame = pl.read_csv(tmp_path / "hm" / "articles.csv")  # which takes the ids for numbers
    found = read_new_items(run_of(source, tmp_path / "run"), frame).frame
    expected = source.read().items
    assert_frame_equal(
        found.select("item", "title", "description", "image"),
        expected.select(found.columns).select("item", "title", "description", "image"),
    )
    found = read_new_items(
        run_of(source, tmp_path / "other"), found.drop("image")
    ).frame  # in the columns of the catalog
    assert found["image"].to_list() == expected["image"].to_list()


def test_new_items_of_retailrocket_need_the_tree_of_categories(tmp_path):
    source = RetailRocketSource(path=retailrocket(tmp_path / "rr"))
    (tmp_path / "rr").rename(tmp_path / "moved")
    run = run_of(source, tmp_path / "run")
    file = (tmp_path / "moved" / "item_properties_part1.csv").rename(tmp_path / "new.csv")
    with pytest.raises(DataError, match=r"category_tree\.csv, which is neither beside it nor"):
        read_new_items(run, file)
    (tmp_path / "moved" / "category_tree.csv").rename(tmp_path / "category_tree.csv")
    assert "category1338" in read_new_items(run, file).frame["categories"].drop_nulls().str.join(" ")[0]


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_folder_of_something_else_is_one_line(tmp_path, kind):
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "absent"):
        with pytest.raises(DataError) as error:
            SOURCES[kind](source=kind, path=tmp_path / folder).read()
        assert "\n" not in str(error.value)


def test_files_may_stay_packed(tmp_path):
    folder = hm(tmp_path / "hm")
    for name in ("transactions_train.csv", "articles.csv"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr(name, (folder / name).read_bytes())
        (folder / name).unlink()
    assert recognise({"path": folder})[0] == "hm"
    assert len(HMSource(path=folder).read().events) == 2


BROKEN = [
    ("hm", "transactions_train.csv", "2018-09-21", "21.09.2018", "line 3: t_dat is '21.09.2018'; expected a day"),
    ("hm", "transactions_train.csv", "0108775044", "", "line 3: the item id is empty"),
    ("hm", "transactions_train.csv", "customer_id", "client", "has no column 'customer_id'; it has: t_dat, client"),
    ("hm", "articles.csv", "0110065001", "01/1", "line 3: the item id '01/1' has a slash"),
    ("mind", "behaviors.tsv", "11/12/2019 6:11:30 PM", "12.11.2019", "line 2: the time is '12.11.2019'; expected one"),
    ("mind", "behaviors.tsv", "\tN20678 N39317", "", "line 3: 4 fields between tabs; expected 5: impression, user"),
    ("mind", "behaviors.tsv", "N58114-1", "N5/8-1", "line 2: the item id 'N5/8' has a slash"),
    ("mind", "news.tsv", "N39317", "", "line 2: the item id is empty"),
    (
        "microlens",
        "MicroLens-50k_pairs.csv",
        "1583378629999",
        "now",
        "line 3: timestamp is 'now'; expected milliseconds",
    ),
    ("microlens", "MicroLens-50k_titles.csv", "item,title", "a,b,c", "line 1: expected two fields"),
    ("pixelrec", "Pixel200K.csv", "1658891235", "", "line 3: timestamp is None; expected a number of seconds"),
    ("retailrocket", "events.csv", "1433221999827", "x", "line 4: timestamp is 'x'; expected milliseconds"),
    ("otto", "train.jsonl", '"session": 8', '"session": "x"', 'line 2: expected {"session": 42'),
    ("otto", "train.jsonl", '"orders"', '"buys"', "line 2: an event is"),
    ("otto", "train.jsonl", "]}\n{", "]\n{", "line 1: not valid JSON"),
]


@pytest.mark.parametrize(("kind", "file", "old", "new", "message"), BROKEN)
def test_what_is_wrong_is_named_by_file_and_line(tmp_path, kind, file, old, new, message):
    folder = LAYOUTS[kind](tmp_path / "data")
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    with pytest.raises(DataError) as error:
        SOURCES[kind](source=kind, path=folder).read()
    assert message in str(error.value)
    assert str(folder / file) in str(error.value)
    assert "\n" not in str(error.value)
