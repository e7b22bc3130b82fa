import pytest

from embrec.data.readers.sequences import SequencesSource
from embrec.errors import DataError


def read(tmp_path, text, **options):
    (tmp_path / "s.txt").write_text(text)
    return SequencesSource(path=tmp_path / "s.txt", **options).read()


@pytest.mark.parametrize("text", ["1 5 007 5\n2 9\n", "1\t5 007 5\n2\t9\n", "1 5  007 5 \r\n\n2 9\r\n"])
def test_a_line_is_a_user_and_the_items_in_order(tmp_path, text):
    raw = read(tmp_path, text)
    assert raw.events.rows() == [("1", "5", 0), ("1", "007", 1), ("1", "5", 2), ("2", "9", 0)]
    assert raw.items is None
    assert raw.remarks == ["the file has no times: the time of an event is its position in the history"]


def test_a_pair_a_line_is_one_event_each(tmp_path):
    assert read(tmp_path, "1 5\n2 9\n1 7\n").events.rows() == [("1", "5", 0), ("2", "9", 0), ("1", "7", 1)]


def test_a_table_of_items_can_stand_beside_it(tmp_path):
    (tmp_path / "items.csv").write_text("item,title\n5,Pen\n6,Ink\n")
    raw = read(tmp_path, "1 5 5\n2 5\n", items=tmp_path / "items.csv")
    assert raw.items.rows() == [("5", "Pen"), ("6", "Ink")]
    assert (raw.text_columns, raw.whole_catalog) == (("title",), True)


def test_users_without_items_are_counted(tmp_path):
    raw = read(tmp_path, "1 5 6\n2\n")
    assert (len(raw.events), raw.notes) == (2, {"users without items, left out": 1})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 5 6\n2 7 8\n1 9 3\n", r"s\.txt, line 3: the user '1' is already on line 1; each user needs one line"),
        (
            "user,item\n1,5\n",
            r"s\.txt, line 1: expected 'user item item \.\.\.' with blanks between them, not 'user,item'",
        ),
        ("1 5\n2 7/8\n", r"s\.txt, line 2: the item id '7/8' has a slash"),
        ("1\n2\n", "the interaction log is empty"),
        ("", "the interaction log is empty"),
    ],
)
def test_another_kind_of_file_is_one_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, text)
