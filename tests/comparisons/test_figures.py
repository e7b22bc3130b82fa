"""The figure and the tables say what was measured."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest

from embrec.comparisons.figures import draw, write_figures
from embrec.comparisons.tables import legend, main_tables, markdown


@pytest.fixture
def comparison(compared):
    return compared[1]


def test_bars_are_the_means_of_each_slice(comparison):
    left, right = draw(comparison).axes
    assert left.get_title().startswith("(a) AUC")
    assert right.get_title() == "(b) HR@10, %"
    for axes, name, scale in ((left, "auc", 1), (right, "hr@10", 100)):
        shown = {container.get_label(): container for container in axes.containers if hasattr(container, "patches")}
        for result in comparison.encoders:
            heights = [bar.get_height() for bar in shown[result.encoder.replace(",", ", ")].patches]
            assert heights == pytest.approx(
                [result.metrics[label][name].estimate.mean * scale for label in comparison.targets]
            )
        assert axes.get_ylim()[1] >= max(
            value.estimate.high * scale for result in comparison.encoders for metrics in result.metrics.values()
            for value in [metrics[name]]
        )  # fmt: skip
    assert [text.get_text().split("\n")[0] for text in left.get_xticklabels()] == [
        "all items",
        "warm items",
        "cold items",
    ]


@pytest.mark.parametrize(("low", "bottom"), [(0.45, 0), (0.55, 0.5)])
def test_an_axis_of_auc_begins_at_chance_unless_something_lies_below(comparison, low, bottom):
    measured = comparison.encoders[0].metrics["all"]["auc"]
    measured = replace(measured, estimate=replace(measured.estimate, mean=0.6, low=low, high=0.7), seeds=(0.6, 0.6))
    result = replace(comparison.encoders[0], metrics={"all": {"auc": measured}})
    left = draw(replace(comparison, encoders=(result,), metric_names=("auc",), targets={"all": 60})).axes[0]
    assert left.get_ylim()[0] == bottom


def test_other_metrics_take_their_place(comparison):
    figure = draw(replace(comparison, metric_names=("ndcg@10", "hr@10")))
    assert [axes.get_title() for axes in figure.axes] == ["(a) NDCG@10, %", "(b) HR@10, %"]


@pytest.mark.parametrize("copies", [1, 3])
def test_the_files_are_images_of_a_size_to_print(comparison, tmp_path, copies):
    encoders = tuple(
        replace(result, encoder=f"{result.encoder}+svd:dim={copy}" if copy else result.encoder)
        for copy in range(copies)
        for result in comparison.encoders
    )
    write_figures(replace(comparison, encoders=encoders), tmp_path)
    picture = matplotlib.image.imread(tmp_path / "figure.png")
    height, width, _ = picture.shape
    assert 600 <= height <= 2000
    assert 1000 <= width <= 4000
    colours = {tuple(colour) for colour in (picture[::3, ::3, :3].reshape(-1, 3) * 255).round().astype(int).tolist()}
    for colour in ("#0072B2", "#E69F00", "#009E73"):
        assert tuple((np.array(matplotlib.colors.to_rgb(colour)) * 255).round().astype(int).tolist()) in colours
    root = ElementTree.parse(tmp_path / "figure.svg").getroot()
    assert root.tag.endswith("svg")
    first = (tmp_path / "figure.svg").read_bytes()
    write_figures(replace(comparison, encoders=encoders), tmp_path)
    assert (tmp_path / "figure.svg").read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure.png", "figure.svg"]


def test_tables_show_every_encoder_on_every_slice(comparison):
    all_items, warm, cold, cost, knockout = main_tables(comparison)
    assert [table.title.split(",")[0] for table in (all_items, warm, cold)] == ["all items", "warm items", "cold items"]
    encoders = ["tfidf", "minilm", "tfidf, minilm"]
    baselines = ["pop", "markov", *(f"content-knn ({name})" for name in encoders)]
    for table in (all_items, warm, cold):
        assert [row[0] for row in table.rows] == [*encoders, *baselines]
    assert [row[0] for row in cost.rows] == encoders
    value = comparison.encoders[1].metrics["cold items"]["auc"].estimate
    mark = {"better": " ▲", "worse": " ▼", "undecided": ""}[value.test.verdict()]
    assert cold.rows[1][1] == f"{value.mean:.4f} [{value.low:.4f}, {value.high:.4f}]{mark}"
    assert {len(row) for table in (all_items, warm, cold) for row in table.rows} == {
        4
    }  # hr@50 says nothing of 40 items
    assert len(knockout.rows) == 2 * 3
    assert knockout.title.startswith("tfidf, minilm when a source falls silent")


def test_verdicts_are_marked(comparison):
    sure = replace(
        comparison.encoders[1].metrics["all"]["auc"].estimate.test, difference=0.2, low=0.1, high=0.3, adjusted=0.01,
        rank_biserial=0.4,
    )  # fmt: skip
    for test, mark in ((sure, "▲"), (replace(sure, difference=-0.2, low=-0.3, high=-0.1, rank_biserial=-0.4), "▼")):
        measured = comparison.encoders[1].metrics["all"]["auc"]
        marked = replace(measured, estimate=replace(measured.estimate, test=test))
        result = replace(comparison.encoders[1], metrics={"all": {"auc": marked}})
        table = main_tables(replace(comparison, encoders=(result,), metric_names=("auc",), targets={"all": 60}))[0]
        assert table.rows[0][1].endswith(f" {mark}")
    assert "worse than tfidf" in legend(comparison)
    assert "mean of 2 seeds" in legend(comparison)


def test_the_report_says_how_it_was_made(comparison):
    text = markdown(comparison)
    assert (comparison.folder / "table.md").read_text() == text
    for words in ("60 users, 40 items", "item-holdout, fraction 0.2", "ranked among all items of the catalog",
                  "seen items: exclude", "Made by `the command`",
                  "40 items in 4 categories (column `categories`", "difference from tfidf: all items, 60 targets",
                  "lowest and highest seed: cold items"):  # fmt: skip
        assert words in text
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_columns_survive_the_marks_of_a_table(comparison):
    odd = replace(comparison.encoders[0], encoder="vectors:path=a|b")
    assert "| vectors:path=a\\|b |" in markdown(replace(comparison, encoders=(odd,)))
