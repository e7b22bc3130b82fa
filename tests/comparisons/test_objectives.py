"""Losses with their negatives: names, settings, and the reports of both ways to compare them."""

import csv
import json
import re

import matplotlib.image
import pytest
from support.comparisons import FILES

from embrec.comparisons.losses import LOSSES
from embrec.comparisons.objectives import LossVariant, SharedSettings
from embrec.comparisons.request import ComparisonRequest
from embrec.comparisons.tables import legend, main_tables
from embrec.evaluation.statistics import mean_interval


def test_settings_may_be_of_one_loss_alone():
    shared = SharedSettings(
        ComparisonRequest("toys", ("tfidf",), settings=("model.dim=4", "bpr:training.learning_rate=0.5"))
    )
    assert shared.config(LossVariant("bpr")).training.learning_rate == 0.5
    assert shared.config(LossVariant("bpr-max")).training.learning_rate == 1e-4
    assert shared.config(LossVariant("bpr-max")).model.dim == 4


@pytest.mark.parametrize("loss", [*LOSSES, "top1", "bce"])
@pytest.mark.parametrize("preset", ["none", "embrec-games", "embrec-bpr-max", None])
def test_one_preset_may_serve_all_losses(loss, preset):
    config = SharedSettings(ComparisonRequest("toys", ("tfidf",), preset=preset)).config(LossVariant(loss))
    assert (config.training.loss.name, config.evaluation.seen) == (loss, "keep")
    if preset == "embrec-games":
        assert config.training.learning_rate == 2e-4
    if loss == "bpr-max":
        assert config.training.loss.regularization == (0.349 if preset in ("embrec-bpr-max", None) else 1.0)


@pytest.mark.parametrize(
    "objective",
    [
        LossVariant("bpr"),
        LossVariant("bpr-max", 1024),
        LossVariant("top1", "all", True),
        LossVariant("bce", None, True),
    ],
)
def test_a_row_is_found_again_by_its_name(objective):
    assert LossVariant.of(objective.name) == objective


@pytest.mark.parametrize("subject", ["losses", "negatives"])
def test_one_table_shows_every_row_and_says_how_it_was_ranked(subject, request):
    _, comparison = request.getfixturevalue(subject)
    table = main_tables(comparison)[0]
    assert table.title.startswith(
        "toys, leave-one-out, all: 60 test targets ranked among all items of the catalog, seen items: keep"
    )
    assert list(table.columns[:5]) == ["loss", "negatives", "protocol", "auc", "hr@20"]
    assert [row[0] for row in table.rows] == [
        *(row.labels["loss"] for row in comparison.rows),
        "pop",
        "markov",
        "content-knn",
    ]
    assert {tuple(row[1:3]) for row in table.rows[-3:]} == {("-", "-")}
    value = comparison.rows[0].metrics["all"]["auc"]
    mean, half_width = mean_interval(value.seeds)
    assert table.rows[0][3].startswith(f"{value.estimate.mean:.4f} [{mean - half_width:.4f}, {mean + half_width:.4f}]")
    assert "interval over seeds" in legend(comparison)


@pytest.mark.parametrize("subject", ["losses", "negatives"])
def test_the_report_has_numbers_tables_and_figures(subject, request):
    category, comparison = request.getfixturevalue(subject)
    assert comparison.folder == category.comparisons / comparison.name
    assert {path.name for path in comparison.folder.iterdir() if path.is_file()} == FILES | {"comparison.json"}
    numbers = json.loads((comparison.folder / "results.json").read_text())
    assert numbers["subject"] == subject
    first = numbers["rows"][0]["metrics"]["all"]["auc"]
    low, high = first["over seeds"]
    assert low <= first["mean"] <= high
    lines = list(csv.DictReader((comparison.folder / "results.csv").open()))
    assert len(lines) == len(comparison.rows) * len(comparison.targets) * 2
    assert float(lines[0]["mean"]) == first["mean"]
    height, width, _ = matplotlib.image.imread(comparison.folder / "figure.png").shape
    assert height >= 500
    assert width >= 1000
    text = (comparison.folder / "table.md").read_text()
    for rows in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({line.count("|") for line in rows.splitlines()}) == 1
