"""Workspaces written by an earlier version are read, evaluated, recommended from, and resumed by this one."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from embrec.data.store import load_dataset
from embrec.features.category import build_features
from embrec.features.finding import find_table
from embrec.runs.evaluate import evaluate_runs
from embrec.runs.folder import RunFolder
from embrec.runs.pipeline import train
from embrec.serving.recommender import Recommender
from embrec.tuning.records import TrialLog
from embrec.workspace import Category, Workspace

ARCHIVE = Path(__file__).parent / "fixtures" / "version-0.1.0.tar.xz"
RUNS = ("content", "id", "gru4rec", "sasrec")
# Weights are compared within this: they were trained on another processor, whose products are rounded otherwise.
TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("previous")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder / "version-0.1.0"


@pytest.fixture
def category(shop, monkeypatch) -> Category:
    monkeypatch.chdir(shop)
    return Workspace(shop / "workspace").category("shop")


def metrics_of(run: RunFolder) -> dict:
    return json.loads(run.metrics.read_text())["test"]


@pytest.mark.parametrize("name", RUNS)
def test_a_run_of_the_previous_version_has_the_same_metrics(shop, category, name):
    run = RunFolder(category.runs / name)
    for kept in (run.path / "evaluations").glob("*"):
        kept.unlink()  # so that its targets are ranked now
    expected = json.loads((shop / "expected" / "evaluate.json").read_text())
    found = evaluate_runs([run])[name]
    wanted = expected[name]
    for metric in ("hr@10", "ndcg@10", "auc"):
        assert found.metrics([metric])["all"][metric] == pytest.approx(wanted["all"][metric], abs=TOLERANCE)
    assert found.metrics(["ndcg@10"])["all"]["ndcg@10"] == pytest.approx(
        metrics_of(run)["all"]["ndcg@10"], abs=TOLERANCE
    )


@pytest.mark.parametrize("name", RUNS)
def test_a_run_of_the_previous_version_recommends_the_same_items(shop, category, name):
    lines = (shop / "expected" / f"recommend-{name}.json").read_text().splitlines()
    expected = [json.loads(line) for line in lines]
    found = Recommender.load(category.runs / name).recommend(["i03", "i04", "i05"], k=5)
    assert [one.item for one in found] == [one["item"] for one in expected]
    np.testing.assert_allclose([one.score for one in found], [one["score"] for one in expected], rtol=1e-4)


def test_a_finished_training_of_the_previous_version_is_found_again(category):
    run = RunFolder(category.runs / "content")
    assert train(category, run.config(), "content").reused


def test_an_interrupted_training_of_the_previous_version_goes_on(category):
    stopped, whole = RunFolder(category.runs / "stopped"), RunFolder(category.runs / "whole")
    before = len(stopped.events.read_text().splitlines())
    result = train(category, stopped.config(), "stopped")
    assert not result.reused
    assert len(stopped.events.read_text().splitlines()) == 4 > before
    for name in ("ndcg@10", "auc"):
        assert result.metrics["test"]["all"][name] == pytest.approx(metrics_of(whole)["all"][name], abs=0.02)


def test_a_feature_table_of_the_previous_version_is_read_and_not_built_again(category):
    dataset = load_dataset(category)
    table = find_table(category, "tfidf", dataset.catalog, np.ones(len(dataset.catalog), dtype=bool))
    before = times_of(category.features)
    list(build_features(category, ["tfidf"]))
    assert times_of(category.features) == before
    assert pl.read_parquet(category.path / "data" / "catalog.parquet").height == len(table.vectors)


@pytest.mark.parametrize(
    ("ways", "name"),
    [
        (
            ("losses", "--features", "tfidf", "--loss", "cross-entropy", "--loss", "bpr-max", "--name", "losses"),
            "losses",
        ),
        (("encoders", "--encoder", "tfidf"), "encoders-item-holdout-6ee5c542"),
    ],
)
def test_a_comparison_of_the_previous_version_is_found_again(category, ways, name):
    folder = category.path / "comparisons" / name
    before = (folder / "table.md").read_text()
    trained = times_of(category.runs)
    options = ("--epochs", "2", "--set", "model.dim=8", "--set", "model.units=8", "--set", "training.select_by=ndcg@10")
    embrec("compare", *ways, "--category", "shop", *options, "--metric", "ndcg@10")
    assert times_of(category.runs) == trained
    assert figures_of((folder / "table.md").read_text()) == figures_of(before)


def test_a_comparison_of_the_previous_version_grows_by_a_loss(category):
    file = category.path / "comparisons" / "losses" / "results.json"
    before = {row["loss"]: row["metrics"] for row in json.loads(file.read_text())["rows"]}
    trained = times_of(category.runs)
    ways = ("losses", "--features", "tfidf", "--loss", "bpr", "--name", "losses")
    options = ("--epochs", "2", "--set", "model.dim=8", "--set", "model.units=8", "--set", "training.select_by=ndcg@10")
    embrec("compare", *ways, "--category", "shop", *options, "--metric", "ndcg@10")
    after = {row["loss"]: row["metrics"] for row in json.loads(file.read_text())["rows"]}
    assert list(after) == [*before, "bpr"]
    assert trained.items() <= times_of(category.runs).items()
    for loss, metrics in before.items():
        assert means_of(after[loss]) == pytest.approx(means_of(metrics), abs=TOLERANCE)


def test_a_search_of_the_previous_version_goes_on(category):
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    pytest.importorskip("hyperopt", reason="the extra 'tune' is not installed")
    log = category.searches / "stopped" / "trials.jsonl"
    before = TrialLog(log).trials
    finished = TrialLog(category.searches / "finished" / "trials.jsonl").trials
    assert len(finished) == 3
    assert all(trial.ended for trial in finished.values())
    embrec("tune", "--resume", "shop/stopped")
    after = TrialLog(log).trials
    assert len(after) == 4
    assert all(trial.ended for trial in after.values())
    assert {number: trial.settings for number, trial in after.items() if number in before} == {
        number: trial.settings for number, trial in before.items()
    }


def embrec(*arguments: str) -> None:
    """Run a command in the shop's folder."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    environment.pop("EMBREC_WORKSPACE", None)
    result = subprocess.run(
        [sys.executable, "-m", "embrec", *arguments], capture_output=True, text=True, env=environment
    )
    assert result.returncode == 0, result.stderr


def times_of(folder: Path) -> dict[Path, int]:
    """When each weights file or table of a folder was written."""
    return {file: file.stat().st_mtime_ns for suffix in ("safetensors", "h5") for file in folder.rglob(f"*.{suffix}")}


def means_of(metrics: dict) -> dict[str, float]:
    """The mean of each slice and metric of a row in `results.json`, those that are measured in this version."""
    return {f"{part} ndcg@10": values["ndcg@10"]["mean"] for part, values in metrics.items()}


def figures_of(table: str) -> list[str]:
    """The lines of a table in Markdown that hold numbers."""
    return [line for line in table.splitlines() if line.startswith("|")]
