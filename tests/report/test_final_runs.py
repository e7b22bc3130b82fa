"""Runs that learned from the validation events too, beside others: ranked alike, and said to have known more."""

import pytest
from support.categories import BOTH, SETTINGS, chosen_and_final, toy_config

from embrec.comparisons.encoders import compare_encoders
from embrec.comparisons.losses import compare_losses
from embrec.comparisons.request import ComparisonRequest
from embrec.comparisons.runs import compare_runs, runs_markdown
from embrec.errors import ConfigError
from embrec.report.page.build import build_report
from embrec.runs.evaluate import evaluate_runs


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A category, a run that chose its epoch, and one that learned from the validation events too."""
    return chosen_and_final(tmp_path_factory.mktemp("shop"))


def test_a_final_run_is_evaluated_compared_and_shown_beside_another(shop):
    _, chosen, final = shop
    runs = [chosen.run, final.run]
    evaluations = evaluate_runs(runs, ["pop"])
    assert (evaluations["final"].event == evaluations["chosen"].event).all()
    assert (evaluations["final"].label == evaluations["chosen"].label).all()
    names = final.run.config().evaluation.metrics
    for label, values in evaluations["final"].metrics(names).items():
        assert values.items() <= final.metrics["test"][label].items()
    comparison = compare_runs(runs, ["pop"], dimensions=["popularity", "partition", "features"], k=5)
    assert set(comparison.models) == {"chosen", "final", "pop"}
    assert "final learned from the validation events too; slices and baselines go by" in runs_markdown(comparison)
    assert comparison.as_dict()["notes"]
    alone = compare_runs([chosen.run])
    assert "validation events" not in runs_markdown(alone)


@pytest.mark.parametrize("names", [("final",), ("chosen", "final"), ("final", "chosen")])
def test_a_report_shows_that_nothing_was_validated(shop, tmp_path, names):
    _, chosen, final = shop
    runs = {"chosen": chosen.run, "final": final.run}
    output = build_report([runs[name] for name in names], tmp_path / "report.html")
    page = output.read_text(encoding="utf-8")
    assert "nothing: the last epoch" in page
    assert "as many as were asked for" in page
    assert "final learned from the validation events too, so that nothing was validated." in page
    assert "final learned from the validation events too; slices" in page
    assert ("no epoch was chosen" in page) == (len(names) == 1)
    assert ("Validation NDCG@10" in page) == (len(names) == 2)


def test_comparisons_that_train_choose_epochs_by_validation(shop):
    category, _, _ = shop
    message = "training.learn_from is 'train\\+validation', but a comparison chooses epochs by validation; leave it out"
    with pytest.raises(ConfigError, match=message):
        compare_encoders(category, ["tfidf"], toy_config(settings=(*SETTINGS, BOTH)))
    with pytest.raises(ConfigError, match=message):
        compare_losses(ComparisonRequest(category, ["tfidf"], settings=(*SETTINGS, BOTH)), ["bpr"])
