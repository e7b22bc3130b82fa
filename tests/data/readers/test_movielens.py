import pytest

from embrec.data.readers.movielens import MovieLensSource
from embrec.errors import DataError

EVENTS = [("1", "10", 978300760, 5.0), ("2", "11", 978300761, 3.5)]


def folder_100k(path):
    path.mkdir()
    (path / "u.data").write_text("1\t10\t5\t978300760\n2\t11\t3.5\t978300761\n")
    (path / "u.genre").write_text("unknown|0\nAction|1\nChildren's|2\n\n")
    rows = "10|Léon (1994)|01-Jan-1994||http://x|0|1|1\n11|Odd (1999)|||http://x|1|0|0\n"
    (path / "u.item").write_bytes(rows.encode("latin-1"))
    return path


def folder_dat(path, encoding):
    path.mkdir()
    (path / "ratings.dat").write_text("1::10::5::978300760\n2::11::3.5::978300761\n")
    rows = "10::Léon (1994)::Action|Children's\n11::Odd (1999)::(no genres listed)\n"
    (path / "movies.dat").write_bytes(rows.encode(encoding))
    return path


def folder_csv(path):
    path.mkdir()
    (path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,10,5.0,978300760\n2,11,3.5,978300761\n")
    rows = 'movieId,title,genres\n10,Léon (1994),Action|Children\'s\n11,"Odd (1999)",(no genres listed)\n'
    (path / "movies.csv").write_text(rows, encoding="utf-8")
    return path


@pytest.mark.parametrize("layout", ["100k", "1m", "10m", "csv"])
def test_every_layout_says_the_same(tmp_path, layout):
    make = {
        "100k": folder_100k,
        "1m": lambda path: folder_dat(path, "latin-1"),
        "10m": lambda path: folder_dat(path, "utf-8"),
        "csv": folder_csv,
    }
    source = MovieLensSource(path=make[layout](tmp_path / "ml"))
    raw = source.read()
    assert raw.events.rows() == EVENTS
    assert raw.events.columns == ["user", "item", "time", "rating"]
    assert raw.items.rows() == [("10", "Léon (1994)", "Action, Children's"), ("11", "Odd (1999)", None)]
    assert raw.text_columns == ("title", "genres")
    assert all(path.is_file() for path in source.files())
    if layout != "csv":  # new films in such a file; a table with a header is read as any other
        assert source.read_catalog(source.files()[1]).rows() == raw.items.rows()


def test_a_broken_rating_is_named_by_line(tmp_path):
    path = folder_dat(tmp_path / "a", "utf-8")
    (path / "ratings.dat").write_text("1::10::5::978300760\n2::11::five::1\n")
    with pytest.raises(DataError, match=r"ratings\.dat, line 2: the rating is 'five'; expected a number"):
        MovieLensSource(path=path).read()
    (path / "ratings.dat").write_text("1::10::5::978300760\n2::11::5::nan\n")
    with pytest.raises(DataError, match=r"ratings\.dat, line 2: the timestamp is 'nan'"):
        MovieLensSource(path=path).read()
    (path / "ratings.dat").write_text("1::10::5::978300760\n2::11\n")
    with pytest.raises(DataError, match=r"ratings\.dat, line 2: 2 fields"):
        MovieLensSource(path=path).read()
    path = folder_csv(tmp_path / "b")
    (path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,10,5.0,978300760\n2,11,3.5,later\n")
    with pytest.raises(DataError, match=r"ratings\.csv, line 3: the timestamp is 'later'"):
        MovieLensSource(path=path).read()
    (path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,,5.0,978300760\n")
    with pytest.raises(DataError, match=r"ratings\.csv, line 2: the item id is empty"):
        MovieLensSource(path=path).read()
    (path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n")
    with pytest.raises(DataError, match="the interaction log is empty"):
        MovieLensSource(path=path).read()
    (path / "ratings.csv").write_text("a,b,c,d\n1,2,3,4\n")
    with pytest.raises(DataError, match=r"ratings\.csv, line 1: expected the columns userId,movieId"):
        MovieLensSource(path=path).read()


def test_a_broken_movie_is_named_by_line(tmp_path):
    path = folder_100k(tmp_path / "a")
    (path / "u.item").write_text("10|Title|||x|0|1|1\n11|Cut\n")
    with pytest.raises(DataError, match=r"u\.item, line 2: 2 fields between '\|'; expected 8"):
        MovieLensSource(path=path).read()
    path = folder_csv(tmp_path / "b")
    (path / "movies.csv").write_text("movieId,name\n10,x\n")
    with pytest.raises(DataError, match=r"movies\.csv has no column 'title'; there are: movieId, name"):
        MovieLensSource(path=path).read()


def test_a_folder_that_is_no_movielens_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        MovieLensSource(path=tmp_path / "absent").read()
    with pytest.raises(DataError, match=r"not a MovieLens folder: it has none of ratings\.csv"):
        MovieLensSource(path=tmp_path).read()
    path = folder_100k(tmp_path / "ml")
    (path / "u.genre").unlink()
    with pytest.raises(DataError, match=r"has u\.data but no u\.genre"):
        MovieLensSource(path=path).read()
