"""Models of different kinds compared on a small shop: names, settings, one protocol, and what is kept."""

import csv
import json
import re
import sys

import numpy as np
import pytest
from support.categories import SETTINGS, toy_category
from support.comparisons import FILES, changes, killed_again_and_again, row_configs

import embrec
from embrec.comparisons.figures import draw
from embrec.comparisons.models import ModelSpec, compare_models
from embrec.comparisons.request import ComparisonRequest
from embrec.comparisons.tables import legend, main_tables, markdown
from embrec.errors import ConfigError, MissingExtraError, RunError
from embrec.features.category import build_features
from embrec.models import registry
from embrec.runs.evaluate import evaluate_runs
from embrec.runs.folder import RunFolder

MODELS = ("embrec:units=8", "sasrec:layers=2,learning_rate=0.02", "gru4rec:source=hybrid")
COMMON = ("model.dim=8", *SETTINGS[2:], "training.select_by=auc")  # those that all kinds take


def request(category, **options):
    options = {"features": ["tfidf"], "epochs": 1, "seeds": 2, "settings": COMMON} | options
    return ComparisonRequest(category, **options)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A category, and three models compared on it."""
    category = toy_category(tmp_path_factory.mktemp("models"))
    return category, compare_models(request(category, name="all", command="the command"), MODELS)


def test_each_model_is_measured_by_the_mean_of_its_seeds_and_tested_against_the_first(models):
    category, comparison = models
    assert [row.name for row in comparison.rows] == list(MODELS)
    assert comparison.reference == MODELS[0]
    assert comparison.metric_names == ("ndcg@10", "hr@10", "auc")
    for row in comparison.rows:
        assert [run.seed for run in row.runs] == [0, 1]
        runs = [RunFolder(category.runs / run.name) for run in row.runs]
        expected = [found.metrics(("auc",))["all"]["auc"] for found in evaluate_runs(runs).values()]
        value = row.metrics["all"]["auc"]
        assert value.seeds == pytest.approx(expected)
        assert value.estimate.mean == pytest.approx(np.mean(expected))
        assert value.estimate.low <= value.estimate.mean <= value.estimate.high
        assert (value.estimate.test is None) == (row.name == MODELS[0])
    assert list(comparison.baselines.metrics)[:2] == ["pop", "markov"]
    assert comparison.baselines.lines


def test_models_have_their_own_settings_under_one_protocol(models):
    (embrec_runs, sasrec_runs, gru_runs) = row_configs(*models).values()
    for config in (*embrec_runs, *sasrec_runs, *gru_runs):
        assert (config.training.epochs, config.training.batch_size, config.model.dim) == (1, 32, 8)
        assert config.evaluation == embrec_runs[0].evaluation
    assert (embrec_runs[0].model.kind, embrec_runs[0].model.source, embrec_runs[0].model.units) == (
        "embrec",
        "content",
        8,
    )
    assert (sasrec_runs[0].model.kind, sasrec_runs[0].model.source, sasrec_runs[0].model.layers) == ("sasrec", "id", 2)
    assert [config.training.learning_rate for config in (sasrec_runs[0], gru_runs[0])] == [0.02, 0.01]
    assert (gru_runs[0].model.source, len(gru_runs[0].model.features), sasrec_runs[0].model.features) == (
        "hybrid",
        1,
        (),
    )


def test_the_report_has_tables_numbers_and_a_figure(models):
    category, comparison = models
    assert comparison.folder == category.comparisons / "all"
    assert {path.name for path in comparison.folder.iterdir() if path.is_file()} == FILES | {"comparison.json"}
    every, costs = main_tables(comparison)[0], main_tables(comparison)[-1]
    assert [row[:2] for row in every.rows[:3]] == [
        ["embrec:units=8", "content tfidf"],
        ["sasrec:layers=2, learning_rate=0.02", "id"],
        ["gru4rec:source=hybrid", "hybrid tfidf"],
    ]
    assert [row[0] for row in every.rows[3:]] == ["pop", "markov", "content-knn"]
    assert costs.columns == ["model", "items", "parameters", "learning rate", "best epoch", "epochs", "training s"]
    assert "worse than embrec:units=8 on the same targets" in legend(comparison)
    assert (comparison.folder / "table.md").read_text() == markdown(comparison)
    assert "Made by `the command`" in markdown(comparison)
    numbers = json.loads((comparison.folder / "results.json").read_text())
    assert numbers["subject"] == "models"
    assert [row["model"] for row in numbers["rows"]] == list(MODELS)
    assert numbers["rows"][1]["config"]["training"]["learning_rate"] == 0.02
    assert "against the reference" in numbers["rows"][1]["metrics"]["all"]["auc"]
    lines = list(csv.DictReader((comparison.folder / "results.csv").open()))
    assert len(lines) == len(MODELS) * len(comparison.targets) * 3
    assert float(lines[0]["seed 1"]) == numbers["rows"][0]["metrics"]["all"]["ndcg@10"]["seeds"][1]
    assert [axes.get_title()[:7] for axes in draw(comparison).axes] == ["(a) NDC", "(b) HR@"]


def test_a_comparison_repeated_trains_nothing_and_may_grow(models):
    category, comparison = models
    before = changes(category.runs)
    written = {name: (comparison.folder / name).read_bytes() for name in FILES}
    again = compare_models(request(category, seeds=1, name="all", command="the command"), [MODELS[1]])
    assert [row.name for row in again.rows] == list(MODELS)
    assert changes(category.runs) == before
    assert {name: (comparison.folder / name).read_bytes() for name in FILES} == written
    other = compare_models(request(category, name="other", reference="sasrec"), ["gru4rec:source=hybrid", "sasrec"])
    assert changes(category.runs).items() >= before.items()
    assert other.reference == "sasrec"
    assert other.rows[0].metrics["all"]["auc"].seeds == comparison.rows[2].metrics["all"]["auc"].seeds


def test_models_that_are_added_read_what_the_earlier_ones_read(tmp_path):
    category = toy_category(tmp_path)
    compare_models(request(category, seeds=1, name="mine"), ["embrec:units=4"])
    list(build_features(category, ["tfidf:max_features=9"]))  # a further table, which nobody asked for
    more = compare_models(request(category, features=(), seeds=1, name="mine"), ["sasrec", "sasrec:source=content"])
    assert [row.labels["items"] for row in more.rows] == ["content tfidf", "id", "content tfidf"]


def test_a_comparison_killed_at_any_step_ends_with_the_same_report(models, tmp_path):
    _, whole = models
    category = toy_category(tmp_path)
    finished, sessions = killed_again_and_again(
        lambda kill: compare_models(request(category, name="all", progress=kill), MODELS), steps=12
    )
    assert sessions > 2
    assert [row.metrics for row in finished.rows] == [row.metrics for row in whole.rows]
    assert (finished.folder / "figure.png").read_bytes() == (whole.folder / "figure.png").read_bytes()


def test_a_model_that_fails_does_not_stop_the_others(tmp_path):
    category = toy_category(tmp_path)
    wrong = "sasrec:learning_rate=1e30,epochs=3"
    comparison = compare_models(request(category, features=(), seeds=1), [wrong, "gru4rec"])
    assert [row.name for row in comparison.rows] == ["gru4rec"]
    assert list(comparison.failures) == [wrong]
    assert "Not compared: sasrec:learning_rate=1e30, epochs=3: the loss is " in markdown(comparison)


def test_models_of_identities_need_no_features_and_all_kinds_are_compared_by_default(tmp_path):
    category = toy_category(tmp_path)
    comparison = embrec.compare_models(request(category, features=(), seeds=1), ["sasrec", "gru4rec"])
    assert [row.labels["items"] for row in comparison.rows] == ["id", "id"]
    assert not category.features.exists()
    every = compare_models(request(category, seeds=1))
    assert [row.name for row in every.rows] == registry.kinds()


def test_a_preset_is_ranked_as_all_models_are(tmp_path):
    category = toy_category(tmp_path)
    comparison = compare_models(request(category, seeds=1), ["sasrec", "embrec-bpr"])
    first, second = (configs[0] for configs in row_configs(category, comparison).values())
    assert second.training.loss.name == "bpr"
    assert first.evaluation.seen == second.evaluation.seen == "exclude"
    (note,) = comparison.notes
    assert note.startswith(
        "by the preset of embrec-bpr targets are ranked among all items of the catalog, seen items: keep"
    )


@pytest.mark.parametrize(
    ("text", "kind", "preset", "settings", "features"),
    [
        ("sasrec", "sasrec", None, (), None),
        ("sasrec:layers=2,dim=64", "sasrec", None, ("model.layers=2", "model.dim=64"), None),
        (
            "gru4rec:loss=bpr,negatives.count=9",
            "gru4rec",
            None,
            ("training.loss=bpr", "training.negatives.count=9"),
            None,
        ),
        (
            "gru4rec:training.betas=[0.9, 0.98],dim=4",
            "gru4rec",
            None,
            ("training.betas=[0.9,0.98]", "model.dim=4"),
            None,
        ),
        ("embrec-office+published-negatives", None, "embrec-office+published-negatives", (), None),
        ("gru4rec:preset=gru4rec", "gru4rec", "gru4rec", (), None),
        ("embrec:features=tfidf,minilm", "embrec", None, (), ("tfidf", "minilm")),
        (
            "embrec:features=[tfidf+svd:dim=9,minilm],units=4",
            "embrec",
            None,
            ("model.units=4",),
            ("tfidf+svd:dim=9", "minilm"),
        ),
    ],
)
def test_a_model_is_read_from_its_text(text, kind, preset, settings, features):
    spec = ModelSpec.parse(text)
    assert spec[1:] == (kind, preset, settings, features)
    assert ModelSpec.parse(spec.name) == spec


@pytest.mark.parametrize(
    ("models", "options", "message"),
    [
        (["sasrecc"], {}, "unknown model 'sasrecc'; did you mean 'sasrec'?"),
        (
            "sasrecc",
            {},
            "unknown model 'sasrecc'; did you mean 'sasrec'? there are: embrec",
        ),  # one, not a list of letters
        (["embrec-ofice"], {}, "unknown model 'embrec-ofice'; did you mean 'embrec-office'?"),
        ([], {}, "no model is named"),
        (["sasrec:2"], {}, "model 'sasrec:2': '2' does not have the form key=value"),
        (["sasrec:units=4"], {}, "model 'sasrec:units=4': unknown setting 'model.units'"),
        (["sasrec:heads=3"], {}, "3 heads do not divide item vectors of length"),
        (["embrec:preset=best"], {}, "model 'embrec:preset=best': unknown preset 'best'"),
        (["sasrec:evaluation.seen=keep"], {}, "all models are measured alike; set evaluation.seen for all of them"),
        (["sasrec:seed=3"], {}, "training.seed is what the comparison itself sets"),
        (["sasrec"], {"settings": ["model.kind=gru4rec"]}, "model.kind is set by parameters of the comparison"),
        (["sasrec"], {"settings": ["model.units=3"]}, "model 'sasrec': unknown setting 'model.units'"),
        (["sasrec"], {"preset": "embrec-office"}, "`preset` cannot be given for all models; name it as a model"),
        (["sasrec"], {"reference": "gru4rec"}, "`reference='gru4rec'` is not among the models that are compared"),
        (["sasrec"], {"metrics": ["hits@10"]}, "unknown metric 'hits@10'"),
        (["sasrec"], {"seeds": 0}, "seeds is 0: train at least one model each"),
        (["embrec"], {"features": ["lda"]}, "unknown encoder 'lda'"),
        (["embrec:features=lda"], {}, "unknown encoder 'lda'"),
        (["sasrec"], {"name": "a/b"}, "comparison 'a/b' is not a usable name"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_done(tmp_path, models, options, message):
    category = toy_category(tmp_path)
    with pytest.raises(ConfigError, match=re.escape(message)):
        compare_models(request(category, **({"settings": ()} | options)), models)
    assert [path.name for path in category.path.iterdir()] == ["data"]


def test_without_matplotlib_nothing_is_begun(tmp_path, monkeypatch):
    category = toy_category(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'embrec\[report\]'"):
        compare_models(request(category), ["sasrec"])
    assert [path.name for path in category.path.iterdir()] == ["data"]


def test_other_settings_are_another_comparison(models):
    category, _ = models
    with pytest.raises(RunError, match=r"'all' was begun with epochs = 1, now it is 2; choose another `name`"):
        compare_models(request(category, name="all", epochs=2), ["sasrec"])
