"""The figures show what was measured."""

from dataclasses import replace
from xml.etree import ElementTree

import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest

from embrec.comparisons.figures import draw, save_figure


@pytest.fixture
def comparison(compared):
    return compared[1]


def test_bars_are_the_means_of_each_slice(comparison):
    left, right = draw(comparison).axes
    assert left.get_title().startswith("(a) AUC")
    assert right.get_title() == "(b) HR@10, %"
    for axes, name, scale in ((left, "auc", 1), (right, "hr@10", 100)):
        shown = {container.get_label(): container for container in axes.containers if hasattr(container, "patches")}
        for result in comparison.rows:
            heights = [bar.get_height() for bar in shown[result.name.replace(",", ", ")].patches]
            assert heights == pytest.approx(
                [result.metrics[label][name].estimate.mean * scale for label in comparison.targets]
            )
        assert axes.get_ylim()[1] >= max(
            value.estimate.high * scale
            for result in comparison.rows
            for metrics in result.metrics.values()
            for value in [metrics[name]]
        )
    assert [text.get_text().split("\n")[0] for text in left.get_xticklabels()] == [
        "all items",
        "warm items",
        "cold items",
    ]


@pytest.mark.parametrize(("low", "bottom"), [(0.45, 0), (0.55, 0.5)])
def test_an_axis_of_auc_begins_at_chance_unless_something_lies_below(comparison, low, bottom):
    measured = comparison.rows[0].metrics["all"]["auc"]
    measured = replace(measured, estimate=replace(measured.estimate, mean=0.6, low=low, high=0.7), seeds=(0.6, 0.6))
    result = replace(comparison.rows[0], metrics={"all": {"auc": measured}})
    left = draw(replace(comparison, rows=(result,), metric_names=("auc",), targets={"all": 60})).axes[0]
    assert left.get_ylim()[0] == bottom


def test_other_metrics_take_their_place(comparison):
    figure = draw(replace(comparison, metric_names=("ndcg@10", "hr@10")))
    assert [axes.get_title() for axes in figure.axes] == ["(a) NDCG@10, %", "(b) HR@10, %"]


@pytest.mark.parametrize("copies", [1, 3])
def test_the_files_are_images_of_a_size_to_print(comparison, tmp_path, copies):
    encoders = tuple(
        replace(result, name=f"{result.name}+svd:dim={copy}" if copy else result.name)
        for copy in range(copies)
        for result in comparison.rows
    )
    save_figure(lambda: draw(replace(comparison, rows=encoders)), tmp_path)
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
    save_figure(lambda: draw(replace(comparison, rows=encoders)), tmp_path)
    assert (tmp_path / "figure.svg").read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figure.png", "figure.svg"]
