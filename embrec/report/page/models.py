"""How a model looks in every figure, legend and table of a page: one colour and one marker each."""

from collections.abc import Sequence
from dataclasses import dataclass

from embrec.comparisons.figures import MARKERS

# Lines and small markers need 3 : 1 against the page (WCAG 1.4.11), so there are no light ones among them: three colours of
# Okabe and Ito, then three that people of any colour vision tell from those and from each other.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#990011", "#aa66ff", "#660088")
GREYS = ("#6b7280", "#374151", "#111827")

_NAMES = {"pop": "popularity", "markov": "Markov chain", "content-knn": "content kNN"}
_MARKERS = "dX*"


@dataclass(frozen=True)
class Model:
    """A run or a baseline as the page shows it.

    Attributes:
        key: its name among the evaluations.
        name: what readers see.
        colour: as CSS writes it.
        marker: as matplotlib writes it.
        is_baseline: it was not trained, and is drawn in grey.
    """

    key: str
    name: str
    colour: str
    marker: str
    is_baseline: bool


def page_models(runs: Sequence[str], baselines: Sequence[str]) -> dict[str, Model]:
    """Return the models of a page by key, runs first, in the order in which they are shown."""
    trained = [
        Model(name, name, COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)], False)
        for place, name in enumerate(runs)
    ]
    others = [
        Model(name, _NAMES.get(name, name), GREYS[place % len(GREYS)], _MARKERS[place % len(_MARKERS)], True)
        for place, name in enumerate(baselines)
    ]
    return {model.key: model for model in (*trained, *others)}
