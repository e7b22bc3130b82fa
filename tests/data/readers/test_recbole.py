import pytest

from embrec.data.readers.recbole import RecBoleSource
from embrec.errors import DataError

INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t007\t5\t978300760.0\n1\tb\t3.5\t978300761.0\n"
ITEM = (
    "item_id:token\tgenre:token_seq\tmovie_title:token_seq\tyear:token\tprice:float\tvector:float_seq\n"
    '007\tComedy Drama\tThe "Toy" Story\t1995\t2.5\t0.1 0.2\nb\t\tHeat\t1996\t\t0.3 0.4\n'
)


def folder(tmp_path, inter=INTER, item=ITEM, name="ml"):
    (tmp_path / f"{name}.inter").write_text(inter)
    (tmp_path / f"{name}.user").write_text("user_id:token\tage:token\n1\t25\n")
    if item is not None:
        (tmp_path / f"{name}.item").write_text(item)
    return tmp_path


@pytest.mark.parametrize("file", ["", "ml.inter"])
def test_typed_columns_are_read_by_their_types(tmp_path, file):
    raw = RecBoleSource(path=folder(tmp_path) / file).read()
    assert raw.events.rows(named=True) == [
        {"user": "1", "item": "007", "time": 978300760, "rating": 5.0},
        {"user": "1", "item": "b", "time": 978300761, "rating": 3.5},
    ]
    assert raw.context == ("rating",)
    assert raw.items.rows(named=True) == [
        {"item": "007", "genre": "Comedy Drama", "movie_title": 'The "Toy" Story', "year": "1995", "price": 2.5},
        {"item": "b", "genre": None, "movie_title": "Heat", "year": "1996", "price": None},
    ]
    assert (raw.text_columns, raw.title_column) == (("movie_title", "genre"), "movie_title")
    assert raw.remarks == ["columns of vectors left out: vector"]
    new = RecBoleSource(path=tmp_path / "elsewhere").read_catalog(tmp_path / "ml.item")
    assert new.rows() == raw.items.rows()


def test_a_log_alone_is_enough(tmp_path):
    assert RecBoleSource(path=folder(tmp_path, item=None)).read().items is None


@pytest.mark.parametrize(
    ("times", "seconds", "exact"),
    [
        (("1.3E9", "1300000001"), [1300000000, 1300000001], None),
        (("1300000000.25", "1300000000.5"), [1300000000, 1300000000], [1300000000.25, 1300000000.5]),
        (("1300000000123", "1300000000124"), [1300000000, 1300000000], [1300000000123, 1300000000124]),
        (
            ("1300000000123456789.0", "1300000000123456788"),
            [1300000000] * 2,
            [1300000000123456789, 1300000000123456788],
        ),
        (("0", "1"), [0, 1], None),
    ],
)
def test_times_keep_what_they_say(tmp_path, times, seconds, exact):
    inter = "user_id:token\titem_id:token\ttimestamp:float\n" + "".join(
        f"u\ti{n}\t{time}\n" for n, time in enumerate(times)
    )
    events = RecBoleSource(path=folder(tmp_path, inter, None)).read().events
    assert events["time"].to_list() == seconds
    assert (events["exact_time"].to_list() if "exact_time" in events.columns else None) == exact


def test_other_names_can_be_given(tmp_path):
    inter = INTER.replace("user_id", "uid").replace("timestamp", "at")
    with pytest.raises(
        DataError, match=r"ml\.inter has no column 'user_id'; did you mean 'uid'\? it has: uid, item_id"
    ):
        RecBoleSource(path=folder(tmp_path, inter)).read()
    assert len(RecBoleSource(path=tmp_path, user_column="uid", time_column="at").read().events) == 2


@pytest.mark.parametrize(
    ("inter", "message"),
    [
        ("user_id\titem_id\n1\t2\n", r"ml\.inter, line 1: column 'user_id' has no type; .* as in user_id:token"),
        (INTER.replace("978300761.0", "soon"), r"ml\.inter, line 3: column 'timestamp' is 'soon'; expected a number"),
        (INTER.replace("\tb\t", "\ta/b\t"), r"ml\.inter, line 3: the item id 'a/b' has a slash"),
        (INTER.split("\n")[0], "the interaction log is empty"),
        ("", "the file is empty"),
    ],
)
def test_what_is_wrong_is_named_by_line(tmp_path, inter, message):
    with pytest.raises(DataError, match=message):
        RecBoleSource(path=folder(tmp_path, inter)).read()


def test_several_logs_are_a_question(tmp_path):
    folder(tmp_path, name="ml.train")
    folder(tmp_path, name="ml.valid")
    with pytest.raises(
        DataError, match=r"has 2 files that could be the \.inter file \(ml\.train\.inter, ml\.valid\.inter\)"
    ):
        RecBoleSource(path=tmp_path).read()
    assert len(RecBoleSource(path=tmp_path / "ml.train.inter").read().events) == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"has no \.inter file"):
        RecBoleSource(path=tmp_path / "empty").files()


def test_times_of_several_units_are_refused_with_a_line_of_each(tmp_path):
    inter = INTER.replace("978300760.0", "978300760000").replace("978300761.0", "0")
    message = r"ml.inter, line 3 has the time 0, in seconds, and .*line 2 has 978300760000, in milliseconds: the units"
    with pytest.raises(DataError, match=message):
        RecBoleSource(path=folder(tmp_path, inter)).read()
