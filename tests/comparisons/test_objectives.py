"""Losses and numbers of negatives compared on a small shop: what is reported, what is kept, what is refused."""

import csv
import json
import re

import matplotlib.image
import numpy as np
import pytest
from support.categories import SETTINGS, toy_category

from embrec.comparisons.objective_figures import draw_objectives
from embrec.comparisons.objective_tables import objective_legend, objective_markdown, objective_table
from embrec.comparisons.objectives import LOSSES, compare_losses, compare_negatives
from embrec.comparisons.variants import Footing, Terms
from embrec.data.splits import LeaveOneOut
from embrec.errors import ConfigError, RunError
from embrec.evaluation.statistics import mean_interval
from embrec.runs.evaluate import evaluate_runs
from embrec.runs.folder import RunFolder
from embrec.runs.presets import load_preset

TERMS = {"metrics": ("auc", "hr@20"), "epochs": 1, "settings": (*SETTINGS, "model.cell=fast", "training.select_by=auc")}
FILES = {"results.json", "results.csv", "table.md", "figure.png", "figure.svg"}


@pytest.fixture(scope="session")
def losses(tmp_path_factory):
    """A category, and the four losses compared on it."""
    category = toy_category(tmp_path_factory.mktemp("losses"))
    return category, compare_losses(
        category, ["tfidf"], published=True, seeds=(0, 2), name="all", command="the command", **TERMS
    )


@pytest.fixture(scope="session")
def negatives(tmp_path_factory):
    """A category, and two losses compared on it with 4, 16 and all negatives."""
    category = toy_category(tmp_path_factory.mktemp("negatives"))
    return category, compare_negatives(
        category, ["tfidf"], ["bpr", "cross-entropy"], [16, 4, 4096], published=True, seeds=2, **TERMS
    )


def configs(compared):
    """The configuration of every run, row -> one a seed."""
    category, comparison = compared
    return {
        row.footing.name: [RunFolder(category.runs / run.name).config() for run in row.runs] for row in comparison.rows
    }


def changes(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_each_loss_is_measured_by_the_mean_of_its_seeds(losses):
    category, comparison = losses
    assert [row.footing.name for row in comparison.rows] == [
        "cross-entropy", "cross-entropy, published", "bpr", "bpr, published", "bpr-max", "bpr-max, published", "cosine",
    ]  # fmt: skip
    assert comparison.metric_names == ("auc", "hr@20")
    assert comparison.seeds == (0, 2)
    for row in comparison.rows:
        assert [run.seed for run in row.runs] == [0, 2]
        runs = [RunFolder(category.runs / run.name) for run in row.runs]
        expected = [found.metrics(("auc",))["all"]["auc"] for found in evaluate_runs(runs).values()]
        value = row.metrics["all"]["auc"]
        assert value.seeds == pytest.approx(expected)
        assert value.estimate.mean == pytest.approx(np.mean(expected))
        assert (value.estimate.test is None) == (row.footing.name == "cross-entropy")


def test_each_loss_has_the_setting_of_its_preset_under_one_protocol(losses):
    for row, runs in configs(losses).items():
        footing = Footing.of(row)
        preset = load_preset(f"embrec-{footing.loss}")
        for config in runs:
            assert config.training.loss.name == footing.loss
            assert config.model.dropout == preset["model"]["dropout"]
            assert (config.evaluation.seen, config.training.epochs, config.model.dim) == ("keep", 1, 8)
            if footing.loss != "cosine":
                assert config.training.negatives.excluded == ("batch-labels" if footing.published else "own")
                assert config.training.negatives.frozen == footing.published
    assert configs(losses)["bpr-max"][0].training.loss.regularization == 0.349


def test_each_number_of_negatives_is_compared_with_all_of_the_same_loss(negatives):
    _, comparison = negatives
    assert [row.footing.name for row in comparison.rows if not row.footing.published] == [
        "bpr, 4", "bpr, 16", "bpr, all", "cross-entropy, 4", "cross-entropy, 16", "cross-entropy, all",
    ]  # fmt: skip
    assert len(comparison.rows) == 12
    for row in comparison.rows:
        assert row.reference == row.footing._replace(negatives="all").name
        assert (row.metrics["all"]["auc"].estimate.test is None) == (row.negatives == "all")


def test_negatives_are_drawn_by_popularity_and_the_number_is_all_that_differs(negatives):
    for row, runs in configs(negatives).items():
        footing = Footing.of(row)
        for config in runs:
            drawn = config.training.negatives
            assert (drawn.count, drawn.alpha) == (footing.negatives, 0 if footing.negatives == "all" else 1)
            assert drawn.excluded == ("batch-labels" if footing.published else "own")
            assert drawn.frozen == footing.published
    shared = {
        json.dumps(config.model_dump(mode="json", exclude={"training": {"seed", "negatives"}}), sort_keys=True)
        for row, runs in configs(negatives).items() for config in runs if row.startswith("bpr")
    }  # fmt: skip
    assert len(shared) == 1


def test_more_negatives_than_training_items_are_left_out_with_a_note(negatives):
    _, comparison = negatives
    items = comparison.description["data"]["training items"]
    assert comparison.notes == (f"4,096 negatives are left out: only {items} items have training events",)
    assert f"Note: {comparison.notes[0]}." in objective_markdown(comparison)


@pytest.mark.parametrize("subject", ["losses", "negatives"])
def test_one_table_shows_every_row_and_says_how_it_was_ranked(subject, request):
    _, comparison = request.getfixturevalue(subject)
    table = objective_table(comparison)
    assert table.title.startswith(
        "toys, leave-one-out, all: 60 test targets ranked among all items of the catalog, seen items: keep"
    )
    assert list(table.columns[:5]) == ["loss", "negatives", "protocol", "auc", "hr@20"]
    assert [row[0] for row in table.rows] == [
        *(row.footing.loss for row in comparison.rows), "pop", "markov", "content-knn"
    ]  # fmt: skip
    assert {tuple(row[1:3]) for row in table.rows[-3:]} == {("-", "-")}
    value = comparison.rows[0].metrics["all"]["auc"]
    mean, half_width = mean_interval(value.seeds)
    assert table.rows[0][3].startswith(f"{value.estimate.mean:.4f} [{mean - half_width:.4f}, {mean + half_width:.4f}]")
    assert "interval over seeds" in objective_legend(comparison)


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


def test_the_figure_of_losses_has_a_bar_for_each_row(losses):
    _, comparison = losses
    left, right = draw_objectives(comparison).axes
    assert (left.get_title(), right.get_title()) == ("(a) AUC", "(b) HR@20, %")
    heights = [bar.get_height() for bar in right.patches if bar.get_height()]
    assert heights == pytest.approx([row.metrics["all"]["hr@20"].estimate.mean * 100 for row in comparison.rows])
    assert [text.get_text() for text in left.get_xticklabels()] == list(LOSSES)


def test_the_figure_of_negatives_has_a_line_for_each_loss_and_protocol(negatives):
    _, comparison = negatives
    left, _ = draw_objectives(comparison).axes
    lines = {line.get_label(): line.get_ydata() for line in left.lines if not line.get_label().startswith("_")}
    assert set(lines) == {
        "bpr", "bpr, published negatives", "cross-entropy", "cross-entropy, published negatives",
    }  # fmt: skip
    plain = [row for row in comparison.rows if row.footing.loss == "bpr" and not row.footing.published]
    assert list(lines["bpr"]) == pytest.approx([row.metrics["all"]["auc"].estimate.mean for row in plain])
    assert [text.get_text() for text in left.get_xticklabels()] == ["4", "16", "all"]


def test_a_comparison_repeated_does_nothing_and_ends_with_the_same_files(losses):
    category, comparison = losses
    before = changes(category.runs)
    written = {name: (comparison.folder / name).read_bytes() for name in FILES}
    again = compare_losses(category, ["tfidf"], ["bpr"], seeds=1, name="all", command="the command", **TERMS)
    assert len(again.rows) == 7
    assert changes(category.runs) == before
    assert {name: (comparison.folder / name).read_bytes() for name in FILES} == written


def test_all_negatives_of_one_study_are_the_runs_of_the_other(losses):
    category, _ = losses
    before = changes(category.runs)
    compare_negatives(category, ["tfidf"], ["bpr", "bpr-max"], ["all"], published=True, seeds=[0, 2], **TERMS)
    assert changes(category.runs) == before


def test_a_cell_that_failed_is_left_out_and_made_again_when_it_can_be(tmp_path):
    category = toy_category(tmp_path)
    first = compare_losses(category, ["tfidf"], ["cross-entropy", "bpr"], seeds=2, **TERMS)
    (_, run) = next(row for row in first.rows if row.footing.loss == "bpr").runs
    broken = category.runs / run.name
    (broken / "metrics.json").unlink()
    (broken / "trainer.pt").write_bytes(b"broken")
    second = compare_losses(category, ["tfidf"], ["cross-entropy", "bpr"], seeds=2, **TERMS)
    assert [row.footing.loss for row in second.rows] == ["cross-entropy"]
    assert "the checkpoint cannot be read" in second.failures["bpr"]
    (broken / "trainer.pt").unlink()
    before = {path: time for path, time in changes(category.runs).items() if broken not in path.parents}
    third = compare_losses(category, ["tfidf"], ["cross-entropy", "bpr"], seeds=2, **TERMS)
    assert third.failures == {}
    assert third.rows[1].metrics == first.rows[1].metrics
    assert changes(category.runs).items() >= before.items()


def test_settings_may_be_of_one_loss_alone():
    terms = Terms("toys", ("tfidf",), LeaveOneOut(), settings=("model.dim=4", "bpr:training.learning_rate=0.5"))
    assert terms.config(Footing("bpr")).training.learning_rate == 0.5
    assert terms.config(Footing("bpr-max")).training.learning_rate == 1e-4
    assert terms.config(Footing("bpr-max")).model.dim == 4


@pytest.mark.parametrize("loss", [*LOSSES, "top1", "bce"])
@pytest.mark.parametrize("preset", ["none", "embrec-games", "embrec-bpr-max", None])
def test_one_preset_may_serve_all_losses(loss, preset):
    config = Terms("toys", ("tfidf",), LeaveOneOut(), preset).config(Footing(loss))
    assert (config.training.loss.name, config.evaluation.seen) == (loss, "keep")
    if preset == "embrec-games":
        assert config.training.learning_rate == 2e-4
    if loss == "bpr-max":
        assert config.training.loss.regularization == (0.349 if preset in ("embrec-bpr-max", None) else 1.0)


@pytest.mark.parametrize(
    "footing", [Footing("bpr"), Footing("bpr-max", 1024), Footing("top1", "all", True), Footing("bce", None, True)]
)
def test_a_row_is_found_again_by_its_name(footing):
    assert Footing.of(footing.name) == footing


@pytest.mark.parametrize(
    ("losses", "options", "message"),
    [
        (["bpr", "hinge"], {}, "setting 'training.loss' is 'hinge'; there are: cross-entropy, "),
        ([], {}, "no loss is named"),
        (["bpr"], {"seeds": 0}, "seeds is 0: train at least one model each"),
        (["bpr"], {"seeds": [-1]}, "seed -1 is negative"),
        (["bpr"], {"preset": "best"}, "unknown preset 'best'; there are: embrec, "),
        (["bpr"], {"metrics": ["hr"]}, "unknown metric 'hr'"),
        (["bpr"], {"reference": "cosine"}, "--reference 'cosine' is not among what is compared (there: bpr)"),
        (["bpr"], {"settings": ["training.loss=top1"]}, "training.loss is what the options of the comparison say"),
        (["bpr"], {"settings": ["bpr:evaluation.seen=exclude"]}, "all losses are measured alike; leave out bpr:"),
        (["bpr"], {"settings": ["top1:model.dim=3"]}, "is for a loss that is not compared; there are: bpr"),
        (["gbce"], {}, "loss gbce needs sampled negatives"),
        (["bpr"], {"settings": ["model.dims=3"]}, "unknown setting 'model.dims'"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_done(tmp_path, losses, options, message):
    category = toy_category(tmp_path)
    with pytest.raises(ConfigError, match=re.escape(message)):
        compare_losses(category, ["tfidf"], losses, **options)
    assert [path.name for path in category.path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("losses", "options", "message"),
    [
        (["bpr", "cosine"], {}, "loss cosine has no negatives to vary"),
        (["bpr"], {"settings": ["training.negatives.alpha=0"]}, "training.negatives.alpha is what the options"),
        (["gbce"], {}, "loss gbce needs sampled negatives"),
    ],
)
def test_negatives_that_cannot_be_compared_are_refused(tmp_path, losses, options, message):
    category = toy_category(tmp_path)
    with pytest.raises(ConfigError, match=re.escape(message)):
        compare_negatives(category, ["tfidf"], losses, [4], **options)
    assert [path.name for path in category.path.iterdir()] == ["data"]


def test_other_terms_are_another_comparison(losses):
    category, comparison = losses
    with pytest.raises(RunError, match=r"'all' was begun with epochs = 1, now it is 2; choose another --name"):
        compare_losses(category, ["tfidf"], name="all", **(TERMS | {"epochs": 2}))
    with pytest.raises(RunError, match=r"'all' was begun with alpha = None, now it is 1"):
        compare_negatives(category, ["tfidf"], name=comparison.name, **TERMS)
