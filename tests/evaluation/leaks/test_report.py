import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embrec.evaluation.leaks import Check, LeakReport, Status
from embrec.evaluation.leaks.report import MANY, graded, percent

REPORT = LeakReport(
    (
        Check("first", Status.OK, 0.0, {"events": 3}, "all is well"),
        Check("second", Status.NOTE, 0.01, {"events": 3, "share": 0.5}, "a little"),
        Check("third", Status.WARNING, None, {}, "a lot"),
        Check("fourth", Status.OK, None, {}, "no texts"),
    )
)


def test_a_report_comes_back_from_json():
    again = LeakReport.from_dict(json.loads(json.dumps(REPORT.as_dict())))
    assert again == REPORT
    assert again["second"].status is Status.NOTE


def test_people_read_warnings_first_and_what_is_fine_in_one_line():
    assert REPORT.lines() == [
        "warning: third: a lot",
        "note: second: a little",
        "checked for leaks, nothing found: first, fourth",
    ]
    assert REPORT.lines(every=True)[2:] == ["ok: first: all is well", "ok: fourth: no texts"]


def test_the_checks_stand_by_how_much_they_matter():
    assert [check.name for check in REPORT.by_weight] == ["third", "second", "first", "fourth"]
    assert [check.name for check in REPORT.findings] == ["third", "second"]


def test_a_share_of_many_targets_is_a_warning():
    assert [graded(value) for value in (0, MANY / 2, MANY)] == [Status.OK, Status.NOTE, Status.WARNING]


@given(st.floats(0, 1))
def test_only_nothing_is_0_percent_and_only_all_is_100_percent(value):
    text = percent(value)
    assert (text == "0 %") == (value == 0)
    assert (text == "100 %") == (value == 1)
    assert text not in ("0.0 %", "100.0 %")


def test_an_unknown_check_is_a_mistake_of_the_caller():
    with pytest.raises(KeyError, match="unknown check 'fifth'"):
        REPORT["fifth"]
