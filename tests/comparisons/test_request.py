"""What is wrong with a request is said before any data are read."""

import pytest

from embrec.comparisons.request import ComparisonRequest
from embrec.errors import ConfigError


@pytest.mark.parametrize(("seeds", "numbers"), [(3, (0, 1, 2)), ((2, 0, 2), (0, 2)), ([5], (5,))])
def test_seeds_are_a_number_or_the_seeds_themselves(seeds, numbers):
    assert ComparisonRequest("toys", seeds=seeds).seed_numbers == numbers


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "seeds is 0: train at least one model each"),
        ({"seeds": []}, r"seeds is \[\]: train at least one model each"),
        ({"seeds": [3, -1]}, "seed -1 is negative"),
        ({"name": "a/b"}, "comparison 'a/b' is not a usable name"),
    ],
)
def test_a_wrong_request_is_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        ComparisonRequest("toys", **options).check("losses")


def test_a_file_is_no_folder_for_a_report(tmp_path):
    (tmp_path / "report").write_text("in the way")
    with pytest.raises(ConfigError, match="report"):
        ComparisonRequest("toys", output=tmp_path / "report").check("losses")
