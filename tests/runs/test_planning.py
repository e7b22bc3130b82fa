"""`embrec train` without feature tables and without a name: what is read, and what the run is called."""

import pytest
from support.categories import SETTINGS, toy_category

from embrec.errors import ConfigError
from embrec.evaluation.leaks.report import Check, LeakReport, Status
from embrec.features import defaults
from embrec.features.category import build_features
from embrec.features.finding import list_tables
from embrec.runs.folder import known_findings
from embrec.runs.pipeline import train
from embrec.runs.planning import complete_config, default_name
from embrec.runs.presets import lacks_features
from embrec.runs.seeds import train_seeds


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(defaults, "_installed", lambda _: False)  # TF-IDF alone is built


def wishes(**options):
    return {"options": {"training.epochs": 1} | options, "settings": SETTINGS}


@pytest.mark.parametrize(
    ("options", "settings", "preset", "reads"),
    [
        ({}, [], None, True),
        ({"model.source": "hybrid"}, [], None, True),
        ({"model.source": "id"}, [], None, False),
        ({}, ["model.source=id"], None, False),
        ({"model.source": "id"}, ["model.source='content'"], None, True),
        ({"model.kind": "sasrec"}, [], None, False),
        ({"model.kind": "gru4rec", "model.source": "hybrid"}, [], None, True),
        ({}, [], "sasrec", False),
        ({}, [], "embrec", True),
        ({"model.features": ["tfidf"]}, [], None, False),
        ({}, ["model.features=[tfidf]"], None, False),
    ],
)
def test_a_model_reads_tables_unless_it_knows_items_by_their_ids_or_some_are_named(options, settings, preset, reads):
    assert lacks_features(options, settings, preset) is reads


def test_tables_are_found_or_built(tmp_path):
    category, told = toy_category(tmp_path), []
    config = complete_config(category, **wishes(), on_choice=told.append)
    assert config.model.features == ("tfidf",)
    assert "building tfidf" in told.pop()
    build_features(category, "tfidf+svd:dim=4")
    config = complete_config(category, **wishes(), on_choice=told.append)
    assert set(config.model.features) == {"tfidf", "tfidf+svd"}
    assert "taking all there" in told.pop()
    assert complete_config(category, options={"model.kind": "sasrec"}, on_choice=told.append).model.features == ()
    assert told == []
    complete_config(category, preset="embrec-bpr", settings=["training.select_by=auc"], on_choice=told.append)
    assert told[0].endswith("(preset embrec-bpr was published with text vectors: `model.features=['TABLE']`)")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"training.loss": "bpr_max"}, "did you mean 'bpr-max'"),
        ({"training.select_by": "hits@10"}, "unknown metric 'hits@10'"),
        ({"training.device": "cuda:99"}, "is not there"),
        ({"training.device": "gpu"}, "unknown device"),
        ({"training.negatives.count": 500}, "only 40 training items"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_built(tmp_path, options, message):
    category = toy_category(tmp_path)
    with pytest.raises(ConfigError, match=message):
        complete_config(category, **wishes(**options))
    assert not category.features.exists()


def test_a_run_is_called_by_what_it_is_made_of_and_another_one_is_told_apart(tmp_path):
    category = toy_category(tmp_path)
    first, other = (complete_config(category, **wishes(**{"model.dropout": share})) for share in (0.1, 0.3))
    assert default_name(category, first) == "content-tfidf"
    train(category, first, "content-tfidf")
    assert default_name(category, first) == "content-tfidf"
    apart = default_name(category, other)
    assert apart.startswith("content-tfidf-")
    assert len(apart) == len("content-tfidf-") + 8
    assert default_name(category, other) == apart
    assert default_name(category, other, force=True) == "content-tfidf"  # what is started over is the run of that name
    train(category, other, apart)
    assert default_name(category, other) == default_name(category, other, force=True) == apart
    assert default_name(category, first) == "content-tfidf"


def test_the_runs_of_several_seeds_have_one_name(tmp_path):
    category = toy_category(tmp_path)
    first, other = (complete_config(category, **wishes(**{"model.dropout": share})) for share in (0.1, 0.3))
    train_seeds(category, first, [0, 1], default_name(category, first, [0, 1]))
    assert sorted(run.name for run in category.runs.iterdir()) == ["content-tfidf-s0", "content-tfidf-s1"]
    assert default_name(category, first, [0, 1, 2]) == "content-tfidf"
    apart = default_name(category, other, [0, 1])
    assert apart != "content-tfidf"
    assert default_name(category, other, [1, 2]) == apart  # whichever seeds they are


def test_what_was_found_in_the_data_is_told_in_full_once(tmp_path):
    category, reports = toy_category(tmp_path), []
    config = complete_config(category, **wishes())
    train(category, config, "one", on_leaks=reports.append)
    (report,) = reports
    assert report.findings
    assert report.new_lines(set(), "see it") == report.lines()
    (line,) = report.new_lines(known_findings(category), "see it")
    assert line.startswith("as reported before (see it): ")
    assert all(check.name in line for check in report.findings)
    assert len(list_tables(category)) == 1


def test_what_is_new_of_what_was_found_is_told_in_full():
    checks = [
        Check("ties", Status.NOTE, 0.2, {}, "many ties"),
        Check("seen", Status.WARNING, 0.3, {}, "targets are seen"),
        Check("twins", Status.NOTE, 0.1, {}, "equal texts"),
        Check("users", Status.OK, 0.0, {}, "nothing"),
    ]
    report = LeakReport(tuple(checks))
    assert report.new_lines({"many ties", "targets are seen", "nothing"}, "see it") == [
        "note: twins: equal texts",
        "as reported before (see it): warning: seen; note: ties",
    ]
    assert report.new_lines({check.meaning for check in checks}, "see it") == [
        "as reported before (see it): warning: seen; notes: ties, twins"
    ]
    assert LeakReport((checks[3],)).new_lines({"nothing"}, "see it") == []
