"""Baselines beside every model by default, and warnings about few candidates, from training to the report."""

import numpy as np
import polars as pl
import pytest
from support.categories import config_of, toy_category, toy_run
from support.logs import log_of
from support.pages import Page

from embrec.comparisons.runs import compare_runs, runs_legend, runs_tables
from embrec.data.catalog import Catalog
from embrec.data.splits import LeaveOneOut
from embrec.data.store import Dataset, save_dataset
from embrec.errors import ConfigError
from embrec.report.page.build import build_report
from embrec.runs.baselines import usable_baselines
from embrec.runs.evaluate import evaluate_runs, protocol
from embrec.runs.pipeline import train
from embrec.runs.with_baselines import evaluate_with_baselines
from embrec.workspace import Workspace


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A run on 14 items of which half of the users have seen 11, and the others 3, before their test target."""
    generator = np.random.default_rng(0)
    log = log_of([generator.permutation(14)[: 12 if user % 2 else 4].tolist() for user in range(60)])
    catalog = Catalog(pl.DataFrame({"item": [f"i{n}" for n in range(14)]}), ())
    category = Workspace(tmp_path_factory.mktemp("few")).category("toys")
    save_dataset(category, Dataset(catalog, log))
    return toy_run(category, LeaveOneOut())


def test_training_keeps_the_ranks_of_its_test(tmp_path):
    run = toy_run(toy_category(tmp_path), LeaveOneOut())
    (file,) = (run.path / "evaluations").iterdir()
    written = file.stat().st_mtime_ns
    found = evaluate_runs([run])["one"].metrics(["hr@10", "auc"])["all"]
    assert [path.stat().st_mtime_ns for path in (run.path / "evaluations").iterdir()] == [written]
    test = run.read_metrics()["test"]["all"]
    assert found == {name: test[name] for name in found}


def test_all_baselines_that_can_be_stand_beside_a_model_unless_others_are_asked_for(few):
    beside = evaluate_with_baselines({"one": [few]})
    assert list(beside.evaluations) == ["one", "pop", "markov"]
    assert beside.notes == ("Content kNN is left out: none of these runs reads any content.",)
    assert len(beside.lines) >= 1
    assert list(evaluate_with_baselines({"one": [few]}, ["markov"]).evaluations) == ["one", "markov"]
    alone = evaluate_with_baselines({"one": [few]}, ["none"])
    assert (list(alone.evaluations), alone.lines, alone.notes) == (["one"], (), ())
    with pytest.raises(ConfigError, match="unknown baseline 'markow'; did you mean 'markov'"):
        evaluate_with_baselines({"one": [few]}, ["markow"])


def test_a_run_that_has_the_name_of_a_baseline_is_measured_without_it(few):
    run = toy_run(few.category, LeaveOneOut(), "pop")
    assert usable_baselines([run])[0] == ["markov"]
    assert "a run has its name" in usable_baselines([run])[1][0]
    assert list(evaluate_with_baselines({"pop": [run]}).evaluations) == ["pop", "markov"]
    with pytest.raises(ConfigError, match="has the name of a baseline that is evaluated too"):
        evaluate_with_baselines({"pop": [run]}, ["pop"])


def test_a_metric_that_hits_every_target_of_some_is_shown_with_the_share(few):
    beside = evaluate_with_baselines({"one": [few]}, config=protocol(few, metrics=["hr@3", "hr@14", "auc"]))
    assert beside.metrics == ("hr@3", "auc")
    assert beside.warnings[:2] == (
        "only 3 to 11 candidates are left of each target: hr@14 says nothing (every target is a hit whatever the model) and is "
        "left out",
        "of 50.0 % of the targets no more than 3 candidates are left: there each is a hit for hr@3, whatever the model",
    )


def test_slices_without_enough_candidates_show_no_figure(few):
    comparison = compare_runs([few], config=protocol(few, metrics=["hr@3", "auc"]), dimensions=["history"])
    (hits, areas) = [table for table in runs_tables(comparison) if "by history" in table.title]
    assert [row[2:] for row in hits.rows if row[0] == "10 to 19"] == [["-", "-", "-"]]
    assert all("-" not in row[2:] for row in hits.rows if row[0] == "3 to 4")
    assert all("-" not in row[2:] for row in areas.rows)
    assert "so few candidates are left that every model has the same value" in runs_legend(comparison)
    assert list(comparison.models) == ["pop", "markov", "one"]
    assert comparison.verdict == evaluate_with_baselines({"one": [few]}, config=comparison.config).lines


def test_the_report_says_it_too(few, tmp_path):
    config = protocol(few, metrics=["hr@3", "hr@14", "auc"])
    page = Page(build_report([few], tmp_path / "report.html", config=config).read_text(encoding="utf-8"))
    assert "hr@14 says nothing (every target is a hit whatever the model) and is left out." in page.said
    assert "HR@14" not in page.said
    assert "the same for every model" in page.said
    assert compare_runs([few], config=config).verdict[0] in page.said


def test_a_training_does_not_choose_by_a_metric_that_hits_every_target(few):
    category = few.category
    wrong = config_of("training.select_by=hr@13", split=LeaveOneOut())
    with pytest.raises(ConfigError, match=r"'hr@13', but only 4 to 12 candidates are left of each validation target"):
        train(category, wrong, "hits")
    assert not (category.runs / "hits").exists()
    train(category, config_of("training.select_by=hr@11", split=LeaveOneOut()), "some-hits")


def test_no_baselines_and_some_cannot_both_be_asked_for(tmp_path):
    run = toy_run(toy_category(tmp_path / "workspace"), LeaveOneOut())
    assert usable_baselines([run], ["none"]) == ([], [])
    with pytest.raises(ConfigError, match="baseline none means no baselines"):
        usable_baselines([run], ["none", "pop"])
