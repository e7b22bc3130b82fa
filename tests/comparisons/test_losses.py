"""Losses compared on a small shop: what is reported, what is kept, what is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest
from support.categories import toy_category
from support.comparisons import FILES, changes, row_configs, wanted

from embrec.comparisons.figures import draw
from embrec.comparisons.losses import LOSSES, compare_losses
from embrec.comparisons.negatives import compare_negatives
from embrec.comparisons.objectives import LossVariant
from embrec.comparisons.request import ComparisonRequest
from embrec.errors import ConfigError, RunError
from embrec.runs.evaluate import evaluate_runs
from embrec.runs.folder import RunFolder
from embrec.runs.presets import load_preset


def test_each_loss_is_measured_by_the_mean_of_its_seeds(losses):
    category, comparison = losses
    assert [row.name for row in comparison.rows] == [
        "cross-entropy",
        "cross-entropy, published",
        "bpr",
        "bpr, published",
        "bpr-max",
        "bpr-max, published",
        "cosine",
    ]
    assert comparison.metric_names == ("auc", "hr@20")
    assert comparison.seeds == (0, 2)
    for row in comparison.rows:
        assert [run.seed for run in row.runs] == [0, 2]
        runs = [RunFolder(category.runs / run.name) for run in row.runs]
        expected = [found.metrics(("auc",))["all"]["auc"] for found in evaluate_runs(runs).values()]
        value = row.metrics["all"]["auc"]
        assert value.seeds == pytest.approx(expected)
        assert value.estimate.mean == pytest.approx(np.mean(expected))
        assert (value.estimate.test is None) == (row.name == "cross-entropy")


def test_each_loss_has_the_setting_of_its_preset_under_one_protocol(losses):
    for row, runs in row_configs(*losses).items():
        objective = LossVariant.of(row)
        preset = load_preset(f"embrec-{objective.loss}")
        for config in runs:
            assert config.training.loss.name == objective.loss
            assert config.model.dropout == preset["model"]["dropout"]
            assert (config.evaluation.seen, config.training.epochs, config.model.dim) == ("keep", 1, 8)
            if objective.loss != "cosine":
                assert config.training.negatives.excluded == ("batch-labels" if objective.published else "own")
                assert config.training.negatives.frozen == objective.published
    assert row_configs(*losses)["bpr-max"][0].training.loss.regularization == 0.349


def test_the_figure_of_losses_has_a_bar_for_each_row(losses):
    _, comparison = losses
    left, right = draw(comparison).axes
    assert (left.get_title(), right.get_title()) == ("(a) AUC", "(b) HR@20, %")
    heights = [bar.get_height() for bar in right.patches if bar.get_height()]
    assert heights == pytest.approx([row.metrics["all"]["hr@20"].estimate.mean * 100 for row in comparison.rows])
    assert [text.get_text() for text in left.get_xticklabels()] == list(LOSSES)


def test_each_of_many_panels_has_a_letter_of_its_own(losses):
    _, comparison = losses
    panels = draw(replace(comparison, metric_names=("auc", "hr@20") * 4)).axes
    assert [axes.get_title()[:3] for axes in panels] == [f"({letter})" for letter in "abcdefgh"]


def test_a_comparison_repeated_does_nothing_and_ends_with_the_same_files(losses):
    category, comparison = losses
    before = changes(category.runs)
    written = {name: (comparison.folder / name).read_bytes() for name in FILES}
    again = compare_losses(wanted(category, seeds=1, name="all", command="the command"), ["bpr"])
    assert len(again.rows) == 7
    assert changes(category.runs) == before
    assert {name: (comparison.folder / name).read_bytes() for name in FILES} == written


def test_a_cell_that_failed_is_left_out_and_made_again_when_it_can_be(tmp_path):
    category = toy_category(tmp_path)
    first = compare_losses(wanted(category, seeds=2), ["cross-entropy", "bpr"])
    (_, run) = next(row for row in first.rows if row.labels["loss"] == "bpr").runs
    broken = category.runs / run.name
    (broken / "metrics.json").unlink()
    (broken / "trainer.pt").write_bytes(b"broken")
    second = compare_losses(wanted(category, seeds=2), ["cross-entropy", "bpr"])
    assert [row.labels["loss"] for row in second.rows] == ["cross-entropy"]
    assert "the checkpoint cannot be read" in second.failures["bpr"]
    (broken / "trainer.pt").unlink()
    before = {path: time for path, time in changes(category.runs).items() if broken not in path.parents}
    third = compare_losses(wanted(category, seeds=2), ["cross-entropy", "bpr"])
    assert third.failures == {}
    assert third.rows[1].metrics == first.rows[1].metrics
    assert changes(category.runs).items() >= before.items()


@pytest.mark.parametrize(
    ("losses", "options", "message"),
    [
        (["bpr", "hinge"], {}, "setting 'training.loss' is 'hinge'; there are: cross-entropy, "),
        ([], {}, "no loss is named"),
        (["bpr"], {"seeds": 0}, "seeds is 0: train at least one model each"),
        (["bpr"], {"seeds": [-1]}, "seed -1 is negative"),
        (["bpr"], {"preset": "best"}, "unknown preset 'best'; there are: embrec, "),
        (["bpr"], {"metrics": ["hr"]}, "unknown metric 'hr'"),
        (
            ["bpr"],
            {"reference": "cosine"},
            "`reference='cosine'` is not among the losses that are compared (there: bpr)",
        ),
        (["bpr"], {"settings": ["training.loss=top1"]}, "training.loss is set by parameters of the comparison"),
        (["bpr"], {"settings": ["bpr:evaluation.seen=exclude"]}, "all losses are measured alike; leave out bpr:"),
        (["bpr"], {"settings": ["top1:model.dim=3"]}, "is for a loss that is not compared; there are: bpr"),
        (["gbce"], {}, "loss gbce needs sampled negatives"),
        (["bpr"], {"settings": ["model.dims=3"]}, "unknown setting 'model.dims'"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_done(tmp_path, losses, options, message):
    category = toy_category(tmp_path)
    with pytest.raises(ConfigError, match=re.escape(message)):
        compare_losses(ComparisonRequest(category, ["tfidf"], **options), losses)
    assert [path.name for path in category.path.iterdir()] == ["data"]


def test_other_terms_are_another_comparison(losses):
    category, comparison = losses
    with pytest.raises(RunError, match=r"'all' was begun with epochs = 1, now it is 2; choose another `name`"):
        compare_losses(wanted(category, name="all", epochs=2))
    with pytest.raises(RunError, match=r"'all' was begun with alpha = None, now it is 1"):
        compare_negatives(wanted(category, name=comparison.name))
