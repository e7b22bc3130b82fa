"""`embrec compare losses` and `embrec compare negatives`: what they print, how they refuse, and that a kill costs nothing."""

import json

import pytest
from support.categories import SETTINGS
from support.comparisons import FILES, killed_and_repeated

from embrec.features import defaults

COMMON = (
    "--category", "toys", "--features", "tfidf", "--epochs", "1", "--seeds", "0,1",
    *(word for setting in (*SETTINGS, "model.cell=fast", "training.select_by=auc") for word in ("--set", setting)),
)  # fmt: skip


def test_losses_are_compared_in_one_table(embrec, tmp_path):
    code, printed, errors = embrec("compare", "losses", *COMMON, "--name", "mine", "--output", "report")
    assert code == 0, errors
    assert "60 test targets ranked among all items of the catalog, seen items: keep" in printed
    for loss in ("cross-entropy", "bpr", "bpr-max", "cosine"):
        assert sum(line.split()[:1] == [loss] for line in printed.splitlines()) == 1
    assert "report: report" in errors
    assert {path.name for path in (tmp_path / "report").iterdir()} == FILES
    numbers = json.loads((tmp_path / "report" / "results.json").read_text())
    assert numbers["command"].startswith("embrec compare losses --category toys --features tfidf")
    assert numbers["seeds"] == [0, 1]
    assert errors.count("note: time overlap: ") == 1
    again = embrec("compare", "losses", *COMMON, "--name", "mine", "--output", "report")
    assert (again[0], again[1]) == (0, printed)
    assert "as reported before (in full: embrec data split --category toys --split leave-one-out): note" in again[2]
    assert ", found)" in again[2]


def test_numbers_of_negatives_are_compared_in_one_table(embrec):
    code, printed, errors = embrec(
        "compare", "negatives", *COMMON, "--loss", "bpr", "--counts", "4,16,5000,all", "--alpha", "0.5", "--published"
    )
    assert code == 0, errors
    rows = [line.split()[:3] for line in printed.splitlines() if line.strip().startswith("bpr")]
    assert rows == [["bpr", count, whose] for count in ("4", "16", "all") for whose in ("corrected", "published")]
    assert "note: 5,000 negatives are left out: only" in errors


def test_without_features_the_tables_there_are_read_and_else_those_that_suit_the_catalog(embrec, monkeypatch):
    monkeypatch.setattr(defaults, "_installed", lambda _: False)
    settings = (*SETTINGS, "model.cell=fast", "training.select_by=auc")
    short = ("--epochs", "1", "--seeds", "1", *(word for one in settings for word in ("--set", one)))
    code, _, errors = embrec("compare", "losses", *short, "--loss", "bpr")
    assert code == 0, errors
    assert "no encoder is named and no feature table is there; taking tfidf for the texts (title)" in errors
    code, _, errors = embrec("compare", "negatives", *short, "--loss", "bpr", "--counts", "all")
    assert code == 0, errors
    assert "no encoder is named; taking those of the feature tables there: tfidf" in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("losses", *COMMON, "--loss", "hinge"), "setting 'training.loss' is 'hinge'; there are: cross-entropy"),
        (("losses", *COMMON, "--seeds", "a,b"), "--seeds is 'a,b'; give how many (3), or which (0,1,2)"),
        (
            ("losses", *COMMON, "--preset", "embrec-shoes"),
            "unknown preset 'embrec-shoes'; did you mean 'embrec-toys'? there are: embrec, ",
        ),
        (("losses", *COMMON, "--features", "lda"), "unknown encoder 'lda'"),
        (("losses", "--loss", "hinge"), "setting 'training.loss' is 'hinge'; there are: cross-entropy"),
        (("losses", "--reference", "bpr_max"), "is not among the losses that are compared; did you mean"),
        (("losses", "--metric", "hits@10"), "unknown metric 'hits@10'"),
        (("negatives", "--metric", "hits@10"), "unknown metric 'hits@10'"),
        (("losses", "--features", "tfidf"), "training.select_by is 'hr@50', but there are only 40 candidates"),
        (("losses", "--split", "leave-two-out"), "did you mean 'leave-one-out'?"),
        (("losses", "--name", "../mine"), "comparison '../mine' is not a usable name"),
        (("losses", *COMMON, "--set", "training.loss=bpr"), "training.loss is set by parameters of the comparison"),
        (("negatives", *COMMON, "--counts", "many"), "number of negatives 'many' is neither a number above 0 nor all"),
        (("negatives", *COMMON, "--counts", "0,16"), "number of negatives '0' is neither"),
        (("negatives", *COMMON, "--loss", "cosine"), "loss cosine has no negatives to vary"),
        (("negatives", *COMMON, "--category", "shoes"), "no category 'shoes' in the workspace"),
    ],
)
def test_a_wrong_option_is_an_error_of_one_line(embrec, tmp_path, arguments, message):
    code, printed, errors = embrec("compare", *arguments)
    assert (code, printed) == (2, "")
    assert message in errors.splitlines()[-1]
    assert [path.name for path in (tmp_path / "workspace" / "toys").iterdir()] == ["data"]


def test_what_could_not_be_compared_is_said_at_the_end(embrec):
    code, printed, errors = embrec(
        "compare", "losses", *COMMON, "--loss", "bpr", "--loss", "cross-entropy",
        "--set", "bpr:training.learning_rate=1e30", "--set", "bpr:training.epochs=3",
    )  # fmt: skip
    assert code == 2
    assert "cross-entropy" in printed
    assert errors.splitlines()[-1].startswith("error: not compared: bpr: the loss is ")


def test_a_comparison_killed_without_warning_goes_on_where_it_was(embrec, tmp_path):
    category = tmp_path / "workspace" / "toys"
    results = killed_and_repeated(
        embrec, category, "compare", "losses", *COMMON, "--loss", "bpr", "--loss", "cross-entropy"
    )
    assert results["seeds"] == [0, 1]
    assert len(list(category.glob("runs/*/metrics.json"))) == 4
