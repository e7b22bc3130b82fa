"""The models of a page, each with one colour and marker in all figures, legends and tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from embrec.comparisons.figures import MARKERS

# Lines and small markers need a contrast of 3 : 1 with the page (WCAG 1.4.11), so no colour is light. Three colours are from
# Okabe and Ito; the other three can be distinguished from them and from each other with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#990011", "#aa66ff", "#660088")
GREYS = ("#6b7280", "#374151", "#111827")

_NAMES = {"pop": "popularity", "markov": "Markov chain", "content-knn": "content kNN"}
_MARKERS = "dX*"


@dataclass(frozen=True)
class Model:
    """A run or a baseline as the page shows it.

    Attributes:
        key: key among the evaluations.
        name: name on the page.
        colour: CSS colour.
        marker: matplotlib marker.
        is_baseline: True for a baseline, which is drawn in grey.
    """

    key: str
    name: str
    colour: str
    marker: str
    is_baseline: bool


def page_models(runs: Sequence[str], baselines: Sequence[str]) -> dict[str, Model]:
    """Return the models of a page by key, in the order of the page: runs first, then baselines."""
    trained = [
        Model(name, name, COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)], False)
        for place, name in enumerate(runs)
    ]
    others = [
        Model(name, _NAMES.get(name, name), GREYS[place % len(GREYS)], _MARKERS[place % len(_MARKERS)], True)
        for place, name in enumerate(baselines)
    ]
    return {model.key: model for model in (*trained, *others)}
