import json

import pytest
from support.categories import toy_category

from embrec.data.splits import GlobalTime, LeaveOneOut
from embrec.errors import DataError, FeatureError
from embrec.evaluation.leaks import Status
from embrec.evaluation.split_report import describe_split
from embrec.features.category import build_features


def test_a_split_is_described_with_its_features(tmp_path):
    category = toy_category(tmp_path)
    list(build_features(category, ["tfidf"]))
    report = describe_split(category, LeaveOneOut(), ["tfidf"])
    assert report.parts["test"].events == 60
    names = [check.name for check in report.leaks.checks]
    assert names[:8] == [
        "time overlap",
        "ties in time",
        "order in ties",
        "duplicate events",
        "seen targets",
        "equal texts",
        "new items",
        "new users",
    ]
    assert [name.split("-")[0] for name in names[8:]] == ["items without tfidf", "fitting of tfidf"]
    assert report.leaks.checks[-1].status == Status.OK
    values = json.loads(json.dumps(report.as_dict()))
    assert values["split"] == {"kind": "leave-one-out"}
    assert values["timeline"] == "order"
    assert values["parts"]["train"]["users"] == 60


def test_what_cannot_be_described_is_an_error(tmp_path):
    category = toy_category(tmp_path)
    with pytest.raises(FeatureError, match="no feature table 'tfidf'"):
        describe_split(category, LeaveOneOut(), ["tfidf"])
    with pytest.raises(DataError, match="leaves no validation targets"):
        describe_split(category, GlobalTime(min_history=99))
