"""The style of the page: readable in light and dark mode."""

import re
from importlib.resources import files

import pytest
from support.colours import contrast

STYLE = (files("embrec") / "report" / "page" / "style.css").read_text("utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r":root \{(.*?)\}", STYLE, re.S)[:2]
)


def test_the_dark_page_sets_every_colour_of_the_light_one():
    assert "prefers-color-scheme: dark" in STYLE
    assert LIGHT.keys() == DARK.keys()


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_words_stand_out_from_what_they_are_written_on(colours):
    for paper in ("paper", "card", "tint"):
        for ink in ("ink", "muted", "accent", "better", "worse"):
            assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    for state in ("ok", "warning"):
        assert contrast(colours[f"{state}-ink"], colours[f"{state}-paper"]) >= 4.5, state
