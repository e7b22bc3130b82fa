"""Baselines by name: those of a program beside the built-in ones."""

import pytest
import torch
from support.categories import toy_category, toy_run

from embrec.data.splits import LeaveOneOut
from embrec.errors import ConfigError
from embrec.evaluation.verdict import verdicts
from embrec.models.baselines import registry
from embrec.models.baselines.popularity import PopRec
from embrec.models.baselines.registry import BASELINES, BaselineRegistration
from embrec.runs.baselines import usable_baselines
from embrec.runs.evaluate import evaluate_runs


class RarestFirst(PopRec):
    """Scores an item by its number of training events, fewest first."""

    def fit(self, interactions, partition):
        """Count the training events of each item."""
        super().fit(interactions, partition)
        self._counts = torch.where(self._counts > 0, -self._counts, self._counts)


RAREST = BaselineRegistration(
    "rarest", lambda _: RarestFirst(), title="Rarest first", knows="which lists the rarest", about="Rarest first."
)


@pytest.fixture
def registered():
    registry.register(RAREST)
    yield
    BASELINES.unregister("rarest")


@pytest.mark.usefixtures("registered")
def test_a_baseline_of_a_program_stands_beside_the_others(tmp_path):
    run = toy_run(toy_category(tmp_path), LeaveOneOut())
    names, notes = usable_baselines([run])
    assert names == ["pop", "markov", "rarest"]
    assert notes == ["Content kNN is left out: none of these runs reads any content."]
    found = evaluate_runs([run], ["rarest", "pop"])
    assert list(found) == ["rarest", "pop", "one"]
    words = verdicts({"one": [found["one"]], "rarest": [found["rarest"]]}, ["rarest"], ["auc"])[0].words()
    assert "rarest" in words


def test_an_unknown_baseline_is_named(tmp_path):
    run = toy_run(toy_category(tmp_path), LeaveOneOut())
    with pytest.raises(ConfigError, match="unknown baseline 'rarest'; there are: pop, markov, content-knn"):
        evaluate_runs([run], ["rarest"])


def test_every_baseline_is_described_for_reports():
    for name, one in BASELINES.usable().items():
        assert one.name == name
        assert one.knows.startswith("which ")
        assert one.about.startswith(one.title)
        assert one.about.endswith(".")
