import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from embrec.data.readers.frames import as_frame, is_frame
from embrec.errors import DataError

ROWS = [{"item": "0108", "price": 1.5}, {"item": "7", "price": None}]


@pytest.mark.parametrize(
    "value",
    [
        pl.DataFrame(ROWS),
        pl.LazyFrame(ROWS),
        pd.DataFrame(ROWS),
        pa.Table.from_pylist(ROWS),
        ROWS,
        tuple(ROWS),
        {"item": ["0108", "7"], "price": [1.5, None]},
    ],
    ids=["polars", "lazy", "pandas", "arrow", "list", "tuple", "columns"],
)
def test_every_kind_of_table_in_memory_reads_alike(value):
    assert is_frame(value)
    assert as_frame(value, "the items").to_dicts() == ROWS


def test_a_key_that_only_a_late_row_has_is_a_column():
    rows = [{"item": str(place)} for place in range(300)] + [{"item": "last", "title": "lamp"}]
    assert as_frame(rows, "the items")["title"].to_list()[-1] == "lamp"


@pytest.mark.parametrize("value", [7, ["a", "b"], object(), {"a": [1], "b": [1, 2]}])
def test_what_is_no_table_is_refused_in_one_line(value):
    with pytest.raises(DataError, match=r"^the items: ") as caught:
        as_frame(value, "the items")
    assert "\n" not in str(caught.value)


def test_paths_are_no_tables():
    assert not is_frame("log.csv")
