"""Numbers of negatives compared on a small shop."""

import json
import re

import pytest
from support.categories import toy_category
from support.comparisons import changes, row_configs, wanted

from embrec.comparisons.figures import draw
from embrec.comparisons.negatives import compare_negatives
from embrec.comparisons.objectives import LossVariant
from embrec.comparisons.request import ComparisonRequest
from embrec.comparisons.tables import markdown
from embrec.errors import ConfigError


def test_each_number_of_negatives_is_compared_with_all_of_the_same_loss(negatives):
    _, comparison = negatives
    assert [row.name for row in comparison.rows if row.labels["protocol"] == "corrected"] == [
        "bpr, 4",
        "bpr, 16",
        "bpr, all",
        "cross-entropy, 4",
        "cross-entropy, 16",
        "cross-entropy, all",
    ]
    assert len(comparison.rows) == 12
    for row in comparison.rows:
        assert row.reference == LossVariant.of(row.name)._replace(negatives="all").name
        assert (row.metrics["all"]["auc"].estimate.test is None) == (row.labels["negatives"] == "all")


def test_negatives_are_drawn_by_popularity_and_the_number_is_all_that_differs(negatives):
    for row, runs in row_configs(*negatives).items():
        objective = LossVariant.of(row)
        for config in runs:
            drawn = config.training.negatives
            assert (drawn.count, drawn.alpha) == (objective.negatives, 0 if objective.negatives == "all" else 1)
            assert drawn.excluded == ("batch-labels" if objective.published else "own")
            assert drawn.frozen == objective.published
    shared = {
        json.dumps(config.model_dump(mode="json", exclude={"training": {"seed", "negatives"}}), sort_keys=True)
        for row, runs in row_configs(*negatives).items()
        for config in runs
        if row.startswith("bpr")
    }
    assert len(shared) == 1


def test_more_negatives_than_training_items_are_left_out_with_a_note(negatives):
    _, comparison = negatives
    items = comparison.description["data"]["training items"]
    assert comparison.notes == (f"4,096 negatives are left out: only {items} items have training events",)
    assert f"Note: {comparison.notes[0]}." in markdown(comparison)


def test_the_figure_of_negatives_has_a_line_for_each_loss_and_protocol(negatives):
    _, comparison = negatives
    left, _ = draw(comparison).axes
    lines = {line.get_label(): line.get_ydata() for line in left.lines if not line.get_label().startswith("_")}
    assert set(lines) == {
        "bpr",
        "bpr, published negatives",
        "cross-entropy",
        "cross-entropy, published negatives",
    }
    plain = [row for row in comparison.rows if row.labels["loss"] == "bpr" and row.labels["protocol"] == "corrected"]
    assert list(lines["bpr"]) == pytest.approx([row.metrics["all"]["auc"].estimate.mean for row in plain])
    assert [text.get_text() for text in left.get_xticklabels()] == ["4", "16", "all"]


def test_all_negatives_of_one_study_are_the_runs_of_the_other(losses):
    category, _ = losses
    before = changes(category.runs)
    compare_negatives(wanted(category, seeds=[0, 2]), ["bpr", "bpr-max"], ["all"], published=True)
    assert changes(category.runs) == before


@pytest.mark.parametrize(
    ("losses", "options", "message"),
    [
        (["bpr", "cosine"], {}, "loss cosine has no negatives to vary"),
        (
            ["bpr"],
            {"settings": ["training.negatives.alpha=0"]},
            "training.negatives.alpha is set by parameters of the comparison",
        ),
        (["gbce"], {}, "loss gbce needs sampled negatives"),
    ],
)
def test_negatives_that_cannot_be_compared_are_refused(tmp_path, losses, options, message):
    category = toy_category(tmp_path)
    with pytest.raises(ConfigError, match=re.escape(message)):
        compare_negatives(ComparisonRequest(category, ["tfidf"], **options), losses, [4])
    assert [path.name for path in category.path.iterdir()] == ["data"]
