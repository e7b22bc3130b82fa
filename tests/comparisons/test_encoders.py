"""Encoders compared on a small shop: what is reported, what is kept, what is refused."""

import json
import re
import shutil
import sys

import numpy as np
import pytest
from support.categories import toy_category, toy_config
from support.comparisons import changes, killed_again_and_again

from embrec.comparisons.encoders import compare_encoders, split_fusion
from embrec.data.splits import LeaveOneOut
from embrec.errors import ConfigError, MissingExtraError, RunError
from embrec.runs.evaluate import evaluate_runs
from embrec.runs.folder import RunFolder
from embrec.workspace import Workspace

ENCODERS = ("tfidf", "minilm", "tfidf,minilm")


def encoded(compared, folder):
    """A category whose features are built already, but nothing else."""
    for part in ("data", "features"):
        shutil.copytree(compared[0].path / part, folder / "toys" / part)
    return Workspace(folder).category("toys")


def report(folder):
    """A report without what differs from session to session."""
    numbers = json.loads((folder / "results.json").read_text())
    for encoder in numbers["encoders"]:
        for key in ("encoding seconds", "items per second"):
            encoder.pop(key)
        for part in (*encoder["sources"], *encoder["runs"]):
            part.pop("seconds")
    return numbers


def test_every_encoder_is_measured_on_every_slice_by_the_mean_of_its_seeds(compared):
    category, comparison = compared
    assert [result.name for result in comparison.rows] == ["tfidf", "minilm", "tfidf,minilm"]
    assert list(comparison.targets) == ["all", "warm items", "cold items"]
    assert comparison.targets["warm items"] + comparison.targets["cold items"] == comparison.targets["all"] == 60
    for result in comparison.rows:
        assert [run.seed for run in result.runs] == [0, 1]
        runs = [RunFolder(category.runs / run.name) for run in result.runs]
        expected = [evaluation.metrics(comparison.metric_names) for evaluation in evaluate_runs(runs).values()]
        for label, metrics in result.metrics.items():
            for name, value in metrics.items():
                assert list(value.seeds) == pytest.approx([seed[label][name] for seed in expected])
                assert value.estimate.mean == pytest.approx(np.mean(value.seeds))
                assert value.estimate.low <= value.estimate.mean <= value.estimate.high
                assert (value.estimate.test is None) == (result.name == "tfidf")


def test_the_models_differ_in_their_features_and_seeds_only(compared):
    category, comparison = compared
    configs = [RunFolder(category.runs / run.name).config() for result in comparison.rows for run in result.runs]
    shared = [config.model_dump(exclude={"model": {"features"}, "training": {"seed"}}) for config in configs]
    assert all(settings == shared[0] for settings in shared)
    assert len({(config.model.features, config.training.seed) for config in configs}) == 6


def test_a_fusion_reads_the_tables_of_its_sources_and_is_measured_without_each(compared):
    _, comparison = compared
    tfidf, minilm, fusion = comparison.rows
    assert fusion.sources == tfidf.sources + minilm.sources
    assert fusion.dim == tfidf.dim + minilm.dim
    assert not tfidf.without
    assert list(fusion.without) == [source.table for source in fusion.sources]
    for silent in fusion.without.values():
        assert list(silent) == list(comparison.targets)
        auc, whole = silent["all"]["auc"].estimate, fusion.metrics["all"]["auc"].estimate
        assert auc.test.difference == pytest.approx(auc.mean - whole.mean)
        assert auc.mean != whole.mean


def test_cost_and_silhouette_are_reported(compared):
    _, comparison = compared
    for result in comparison.rows:
        assert -1 <= result.silhouette <= 1
        assert result.encoding_seconds > 0
        assert result.items_per_second > 0
        assert sum(source.present for source in result.sources) == 40 * len(result.sources)
    sparse, dense, fusion = comparison.rows
    assert sparse.density < 0.5 < dense.density
    assert fusion.items_per_second < dense.items_per_second
    assert (comparison.clusters.column, comparison.clusters.items, comparison.clusters.clusters) == (
        "categories",
        40,
        4,
    )
    assert not comparison.clusters.is_text


def test_the_report_holds_what_is_needed_to_repeat_it(compared):
    category, comparison = compared
    numbers = json.loads((comparison.folder / "results.json").read_text())
    assert comparison.folder == category.comparisons / "all"
    assert numbers["command"] == "the command"
    assert numbers["config"]["split"] == {"kind": "item-holdout", "fraction": 0.2, "choose": "random", "seed": 0}
    assert numbers["config"]["training"]["epochs"] == 1
    assert (numbers["seeds"], numbers["reference"]) == ([0, 1], "tfidf")
    assert {"torch", "embrec", "python"} <= set(numbers["versions"])
    assert numbers["machine"]["cores"]
    assert (numbers["data"]["catalog"], numbers["data"]["test targets"]) == (40, 60)
    (weights,) = {source["encoder"]["weights"] for source in numbers["encoders"][1]["sources"]}
    assert len(weights) == 64


def test_a_comparison_repeated_does_nothing_and_ends_with_the_same_files(compared):
    category, comparison = compared
    kept = (category.runs, comparison.folder / "evaluations", comparison.folder / "silhouettes")
    before = changes(*kept)
    written = {path.name: path.read_bytes() for path in comparison.folder.iterdir() if path.is_file()}
    assert len(written) == 5
    compare_encoders(category, ENCODERS, toy_config(), seeds=2, name="all", command="the command")
    assert changes(*kept) == before
    assert {path.name: path.read_bytes() for path in comparison.folder.iterdir() if path.is_file()} == written


def test_another_comparison_uses_the_runs_again_and_puts_its_report_where_it_is_told(compared, tmp_path):
    category, _ = compared
    before = changes(category.runs)
    other = compare_encoders(
        category,
        ["minilm", "tfidf"],
        toy_config(),
        seeds=1,
        name="other",
        output=tmp_path / "report",
        reference="tfidf",
        metrics=["mrr@5"],
    )
    assert changes(category.runs) == before
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "results.json",
        "table.md",
        "figure.png",
        "figure.svg",
    }
    assert other.reference == "tfidf"
    assert list(other.rows[0].metrics["all"]) == ["mrr@5"]
    assert other.rows[0].metrics["all"]["mrr@5"].estimate.test is not None


def test_a_comparison_grows_by_encoders_and_seeds_and_keeps_what_was_done(compared, tmp_path):
    category = encoded(compared, tmp_path)
    first = compare_encoders(category, ["tfidf"], toy_config(), seeds=1)
    before = changes(category.runs)
    second = compare_encoders(category, ["minilm"], toy_config(), seeds=2)
    assert second.name == first.name
    assert [(result.name, len(result.runs)) for result in second.rows] == [("tfidf", 2), ("minilm", 2)]
    assert changes(category.runs).items() >= before.items()
    assert second.rows[0].metrics["all"]["auc"].seeds[0] == first.rows[0].metrics["all"]["auc"].seeds[0]


def test_another_configuration_is_another_comparison(tmp_path):
    category = toy_category(tmp_path)
    first = compare_encoders(category, ["tfidf"], toy_config(), seeds=1, name="mine")
    with pytest.raises(
        RunError, match=r"'mine' was begun with training\.epochs = 1, now it is 2; choose another `name`"
    ):
        compare_encoders(category, ["tfidf"], toy_config(epochs=2), seeds=1, name="mine")
    with pytest.raises(RunError, match=r"split\.kind = item-holdout"):
        compare_encoders(category, ["tfidf"], toy_config(split=LeaveOneOut()), seeds=1, name="mine")
    assert compare_encoders(category, ["tfidf"], toy_config(), seeds=1).name != first.name
    (category.comparisons / "mine" / "comparison.json").write_text("{")
    with pytest.raises(RunError, match=r"comparison\.json cannot be read"):
        compare_encoders(category, ["tfidf"], toy_config(), seeds=1, name="mine")


def test_a_comparison_killed_at_any_step_ends_with_the_same_report(compared, tmp_path):
    encoders = ["tfidf", "tfidf,minilm"]
    whole = compare_encoders(encoded(compared, tmp_path / "whole"), encoders, toy_config(), seeds=2)
    category = encoded(compared, tmp_path / "killed")
    finished, sessions = killed_again_and_again(
        lambda kill: compare_encoders(category, encoders, toy_config(), seeds=2, progress=kill), steps=4
    )
    assert sessions > 3
    assert report(finished.folder) == report(whole.folder)
    assert (finished.folder / "figure.png").read_bytes() == (whole.folder / "figure.png").read_bytes()


def test_an_encoder_that_fails_does_not_take_the_others_with_it(tmp_path):
    category = toy_category(tmp_path)
    encoders = ["efficientnet-lite0", "tfidf", "tfidf,efficientnet-lite0"]  # there are no images
    comparison = compare_encoders(category, encoders, toy_config(), seeds=1)
    assert [result.name for result in comparison.rows] == ["tfidf"]
    assert comparison.reference == "tfidf"
    assert list(comparison.failures) == ["efficientnet-lite0", "tfidf,efficientnet-lite0"]
    assert "finds nothing to read" in comparison.failures["efficientnet-lite0"]
    assert "Not compared: efficientnet-lite0: " in (comparison.folder / "table.md").read_text()
    with pytest.raises(RunError, match=r"nothing could be compared; efficientnet-lite0: .* finds nothing to read"):
        compare_encoders(category, ["efficientnet-lite0"], toy_config(), seeds=1, name="images")


def test_a_training_that_fails_does_not_take_the_others_with_it(compared, tmp_path):
    category = encoded(compared, tmp_path)
    first = compare_encoders(category, ["tfidf", "minilm"], toy_config(), seeds=1)
    (run,) = (run for result in first.rows if result.name == "tfidf" for run in result.runs)
    (category.runs / run.name / "metrics.json").unlink()
    (category.runs / run.name / "trainer.pt").write_bytes(b"broken")
    second = compare_encoders(category, ["tfidf", "minilm"], toy_config(), seeds=1)
    assert [result.name for result in second.rows] == ["minilm"]
    assert "the checkpoint cannot be read" in second.failures["tfidf"]


@pytest.mark.parametrize(
    ("encoders", "options", "message"),
    [
        (["tfidf", "tf-idf"], {}, "unknown encoder 'tf-idf'"),
        (["tfidf,minilm,tfidf"], {}, "fusion 'tfidf,minilm,tfidf' names an encoder twice"),
        (
            ["tfidf"],
            {"reference": "minilm"},
            "`reference='minilm'` is not among the encoders that are compared (there: tfidf)",
        ),
        (["tfidf"], {"seeds": 0}, "seeds is 0: train at least one model each"),
        ([], {}, "no encoder is named"),
        (["tfidf"], {"metrics": ["hr"]}, "unknown metric 'hr'"),
        (["tfidf"], {"cluster_by": "kind"}, "no column 'kind' to cluster by"),
        (["tfidf"], {"name": "a/b"}, "comparison 'a/b' is not a usable name"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_done(tmp_path, encoders, options, message):
    category = toy_category(tmp_path)
    with pytest.raises(ConfigError, match=re.escape(message)):
        compare_encoders(category, encoders, toy_config(), **options)
    assert [path.name for path in category.path.iterdir()] == ["data"]


def test_without_matplotlib_nothing_is_begun(tmp_path, monkeypatch):
    category = toy_category(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'embrec\[report\]'"):
        compare_encoders(category, ["tfidf"], toy_config())
    assert [path.name for path in category.path.iterdir()] == ["data"]


@pytest.mark.parametrize("setting", ["model.features=[tfidf]", "training.seed = 3"])
def test_what_a_comparison_varies_is_no_setting(setting):
    with pytest.raises(ConfigError, match="is what the comparison varies; give it by `encoders` and `seeds`"):
        toy_config(settings=[setting])


def test_a_model_without_content_compares_no_encoders():
    with pytest.raises(ConfigError, match="a model with source 'id' reads no features"):
        toy_config(settings=["model.source=id"])


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        ("tfidf", ("tfidf",)),
        ("tfidf,minilm", ("tfidf", "minilm")),
        ("tfidf, efficientnet-lite0 ,minilm", ("tfidf", "efficientnet-lite0", "minilm")),
        ("tfidf:columns=a,b+svd:dim=9,minilm", ("tfidf:columns=a,b+svd:dim=9", "minilm")),
        ("tfidf,minilm+whiten", ("tfidf", "minilm+whiten")),
    ],
)
def test_a_fusion_is_split_before_the_names_of_encoders(text, specs):
    assert split_fusion(text) == specs
