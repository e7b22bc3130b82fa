"""The colours of the page: visible on its backgrounds, and distinguishable."""

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest
from support.colours import contrast, linear

from embrec.report.page.models import COLOURS, GREYS, page_models

# What dichromats see of linear RGB (Machado, Oliveira and Fernandes 2009, severity 1).
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
# From linear RGB to Oklab, where distances are as people see them (Ottosson 2020).
TO_CONES = [
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
]
TO_OKLAB = [
    [0.2104542553, 0.793617785, -0.0040720468],
    [1.9779984951, -2.428592205, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.808675766],
]
OKABE_AND_ITO = 0.076  # how near the nearest two of their first six colours are, to deuteranopes


def oklab(colour: str, vision: str) -> np.ndarray:
    return TO_OKLAB @ np.cbrt(TO_CONES @ np.clip(VISION[vision] @ linear(colour), 0, 1))


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


@pytest.mark.parametrize("background", ["paper", "card", "tint"])
def test_every_colour_stands_out_from_what_it_is_on(background):
    style = (files("embrec.report.page") / "style.css").read_text(encoding="utf-8")
    behind = re.search(rf"--{background}: (#[0-9a-f]{{6}});", style)[1]
    found = {colour: contrast(colour, behind) for colour in (*COLOURS, *GREYS)}
    assert min(found.values()) >= 3, found


@pytest.mark.parametrize("vision", VISION)
def test_colours_are_told_apart_by_people_of_any_colour_vision(vision):
    for one, other in combinations((*COLOURS, *GREYS), 2):
        assert np.linalg.norm(oklab(one, vision) - oklab(other, vision)) > OKABE_AND_ITO, (one, other)


def test_no_two_of_nine_models_look_the_same():
    models = page_models([f"run {place}" for place in range(6)], ["pop", "markov", "content-knn"]).values()
    assert len({model.colour for model in models}) == len({model.marker for model in models}) == 9
