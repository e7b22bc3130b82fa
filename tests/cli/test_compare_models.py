"""`embrec compare models`: what it prints, how it refuses, and that a kill costs nothing that was done."""

import json

import pytest
from support.categories import SETTINGS
from support.comparisons import FILES, killed_and_repeated

COMMON = (
    "--category", "toys", "--epochs", "1", "--seeds", "2", "--features", "tfidf",
    *(word for setting in ("model.dim=8", *SETTINGS[2:], "training.select_by=auc") for word in ("--set", setting)),
)  # fmt: skip
MODELS = ("--model", "embrec:units=8", "--model", "sasrec", "--model", "gru4rec:source=hybrid")


def test_models_are_compared_side_by_side(embrec, tmp_path):
    code, printed, errors = embrec("compare", "models", *COMMON, *MODELS, "--name", "mine", "--output", "report")
    assert code == 0, errors
    assert "60 test targets ranked among all items of the catalog, seen items: exclude" in printed
    for model in ("embrec:units=8", "sasrec", "gru4rec:source=hybrid", "pop", "markov", "content-knn"):
        assert any(line.split()[:1] == [model] for line in printed.splitlines())
    assert "▲ better, ▼ worse than embrec:units=8" in printed
    assert "report: report" in errors
    assert {path.name for path in (tmp_path / "report").iterdir()} == FILES
    numbers = json.loads((tmp_path / "report" / "results.json").read_text())
    assert numbers["command"].startswith("embrec compare models --category toys")
    assert errors.count("note: time overlap: ") == 1
    again = embrec("compare", "models", *COMMON, *MODELS, "--name", "mine", "--output", "report")
    assert (again[0], again[1]) == (0, printed)
    assert again[2].count(", found)") == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "sasrecc"), "unknown model 'sasrecc'; did you mean 'sasrec'?"),
        (("--model", "nothing-like-it"), "(presets: embrec presets)"),
        (("--model", "sasrec:layers"), "'layers' does not have the form key=value, such as sasrec:dim=64"),
        (("--model", "sasrec:layer=2"), "model 'sasrec:layer=2': unknown setting 'model.layer'"),
        (("--model", "sasrec", "--reference", "embrec"), "is not among the models that are compared"),
        (("--model", "sasrec", "--seeds", "few"), "--seeds is 'few'; give how many (3), or which (0,1,2)"),
        (("--model", "sasrec", "--metric", "hits@10"), "unknown metric 'hits@10'"),
        (("--model", "embrec", "--features", "lda"), "unknown encoder 'lda'"),
        (("--model", "sasrec", "--category", "shoes"), "no category 'shoes' in the workspace"),
    ],
)
def test_a_wrong_model_or_option_is_an_error_of_one_line(embrec, tmp_path, arguments, message):
    code, printed, errors = embrec("compare", "models", *COMMON, *arguments)
    assert (code, printed) == (2, "")
    assert message in errors.splitlines()[-1]
    assert [path.name for path in (tmp_path / "workspace" / "toys").iterdir()] == ["data"]


def test_a_comparison_killed_without_warning_goes_on_where_it_was(embrec, tmp_path):
    category = tmp_path / "workspace" / "toys"
    results = killed_and_repeated(embrec, category, "compare", "models", *COMMON, *MODELS)
    assert results["seeds"] == [0, 1]
    assert len(list(category.glob("runs/*/metrics.json"))) == 6
