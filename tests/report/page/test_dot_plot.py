import re

import pytest

from embrec.evaluation.statistics import Estimate
from embrec.report.page.dot_plot import dot_plot
from embrec.report.page.models import page_models

MODELS = page_models(["first", "second"], ["pop"])


@pytest.fixture(scope="module")
def svg():
    values = {
        "first": [Estimate(0.25, 0.2, 0.3, None), None],
        "second": [Estimate(0.5, 0.4, 0.6, None), None],
        "pop": [Estimate(0.1, 0.05, 0.15, None), None],
    }
    return dot_plot("some", "Slices", ["warm\n12", "cold\n0"], values, MODELS, "HR@10").svg


def test_the_text_beside_a_figure_has_its_means_and_intervals(svg):
    assert re.search("<desc[^>]*>(.*)</desc>", svg)[1] == (
        "HR@10 with intervals, Slices. warm 12: first 0.2500 (0.2000 to 0.3000), second 0.5000 (0.4000 to 0.6000), "
        "popularity 0.1000 (0.0500 to 0.1500); cold 0: no targets."
    )


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.key)
def test_intervals_have_the_colour_of_their_model_and_nothing_shines_through(svg, model):
    (line,) = re.findall(rf'<path [^>]*style="fill: none; stroke: {model.colour.lower()};[^"]*"', svg)
    assert "opacity" not in line
    assert "stroke-width" in line
