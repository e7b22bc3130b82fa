"""A training looks for leaks once, keeps what it found, and tells whoever asked."""

import json

import pytest
from support.categories import SETTINGS, toy_category
from support.workers import KilledError

import embrec.runs.engines as engines
import embrec.runs.pipeline as pipeline
from embrec.errors import RunError
from embrec.evaluation.leaks import LeakReport
from embrec.runs.pipeline import train
from embrec.runs.presets import build_config
from embrec.runs.seeds import train_seeds


@pytest.fixture
def category(tmp_path):
    return toy_category(tmp_path)


@pytest.fixture
def config():
    options = {"model.source": "id", "training.epochs": 1, "training.device": "cpu"}
    return build_config("toys", options=options, settings=SETTINGS)


def test_a_run_keeps_what_was_found_and_tells_it_before_it_trains(category, config):
    told = []

    def listen(report):
        assert not (category.runs / "one" / "trainer.pt").exists()
        told.append(report)

    result = train(category, config, "one", on_leaks=listen)
    assert told == [LeakReport.from_dict(json.loads(result.run.leaks.read_text()))]
    assert told[0]["time overlap"].value == pytest.approx(59 / 60)
    train(category, config, "one", on_leaks=listen)
    assert len(told) == 1  # the run is finished: nothing was trained


def test_a_training_that_goes_on_tells_it_again_without_looking_again(category, config, monkeypatch):
    def kill(*_):
        raise KilledError

    told = []
    monkeypatch.setattr(engines, "train_here", kill)
    with pytest.raises(KilledError):
        train(category, config, "one", on_leaks=told.append)
    monkeypatch.undo()
    leaks = category.runs / "one" / "leaks.json"
    kept = leaks.read_bytes()
    leaks.write_bytes(kept[:20])
    with pytest.raises(RunError, match=r"leaks\.json is damaged; delete it"):
        train(category, config, "one", on_leaks=told.append)
    leaks.write_bytes(kept)
    monkeypatch.setattr(pipeline, "check_leaks", kill)
    train(category, config, "one", on_leaks=told.append)
    assert told[0] == told[1]


def test_a_new_start_looks_again(category, config):
    run = train(category, config, "one").run
    run.leaks.write_text("{}")
    assert train(category, config, "one", force=True).run.leaks.read_text() != "{}"


def test_several_seeds_tell_it_once(category, config):
    told = []
    train(category, config.model_copy(update={"training": config.training.model_copy(update={"seed": 0})}), "many-s0")
    result = train_seeds(category, config, [0, 1, 2], "many", on_leaks=told.append)
    assert [run.reused for run in result.runs.values()] == [True, False, False]
    assert len(told) == 1
    assert all(run.run.leaks.exists() for run in result.runs.values())
