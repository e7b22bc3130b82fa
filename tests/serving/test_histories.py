import numpy as np
import pytest

from embrec.errors import DataError
from embrec.serving.histories import read_times_and_context

TWO = [["a", "b"], ["c"]]


def test_times_and_context_have_the_form_of_the_histories():
    found = read_times_and_context(
        TWO, False, ["rating"], [[1, 2], [3]], 9, {"rating": [[4.5, 5], [1]]}, {"rating": [2, 3]}
    )
    assert found["times"] == [[1, 2], [3]]
    assert found["query_times"] == [9, 9]
    assert found["context"] == {"rating": [[4.5, 5], [1]]}
    assert found["query_context"] == {"rating": [2, 3]}
    assert read_times_and_context([["a", "b"]], True, [], [1, np.int64(2)], 9)["times"] == [[1, 2]]
    assert read_times_and_context(TWO, False, [], at=[7, 8])["query_times"] == [7, 8]
    assert "times" not in read_times_and_context(TWO, False, [])


def test_a_visitor_without_events_needs_no_context():
    assert read_times_and_context([[]], False, ["rating"])["context"] == {"rating": [[]]}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"times": [[1, 2]]}, "the times: there are 2 histories and 1 lists"),
        ({"times": [[1, 2], [3, 4]]}, "the times: history 2 has 1 events and 2 numbers"),
        ({"times": [["today", 2], [3]]}, "the times, history 1: 'today' is no number; times are seconds"),
        ({"at": [1, 2, 3]}, "there are 2 histories and 3 numbers"),
        ({"context": {"colour": [[1, 2], [3]]}}, "a column 'colour' that the model does not read; it reads rating"),
        ({"context": {}}, "the model reads the context column 'rating'; give its values"),
        (
            {"query_context": {"rating": [1]}},
            "context column 'rating' of the query: there are 2 histories and 1 numbers",
        ),
    ],
)
def test_what_does_not_fit_the_histories_is_an_error(given, message):
    with pytest.raises(DataError, match=message):
        read_times_and_context(TWO, False, ["rating"], **({"context": {"rating": [[1, 2], [3]]}} | given))
