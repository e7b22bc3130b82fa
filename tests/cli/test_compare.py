"""`embrec compare encoders`: what it prints, how it refuses, and that a kill costs nothing that was done."""

import json

from support.categories import SETTINGS
from support.comparisons import killed_and_repeated

from embrec.features import defaults
from embrec.features.category import build_features
from embrec.workspace import Workspace

COMPARE = (
    "compare", "encoders", "--category", "toys", "--epochs", "1", "--seeds", "2", "--split", "item-holdout:fraction=0.2",
    *(word for setting in SETTINGS for word in ("--set", setting)),
)  # fmt: skip


def test_a_comparison_prints_its_tables_and_says_where_the_report_is(embrec, tmp_path):
    code, printed, errors = embrec(*COMPARE, "--encoder", "tfidf", "--name", "mine", "--output", "report")
    assert code == 0, errors
    for words in (
        "all items, 60 targets",
        "warm items, ",
        "cold items, ",
        "cost (means over seeds)",
        "silhouette",
        "auc",
        "hr@50",
    ):
        assert words in printed
    assert "run 2/2: tfidf, seed 1, epochs: 1 done (best 1, valid ndcg@10" in errors
    assert "report: report" in errors
    numbers = json.loads((tmp_path / "report" / "results.json").read_text())
    assert numbers["command"].startswith("embrec compare encoders --category toys --epochs 1")
    assert numbers["config"]["split"]["kind"] == "item-holdout"
    assert numbers["config"]["model"]["dim"] == 8
    again = embrec(*COMPARE, "--encoder", "tfidf", "--name", "mine", "--output", "report")
    assert (again[0], again[1]) == (0, printed)
    assert ", found)" in again[2]


def test_a_comparison_tells_what_the_checks_for_leaks_found_and_a_later_training_only_recalls_it(embrec):
    code, _, errors = embrec(*COMPARE, "--encoder", "tfidf", "--encoder", "tfidf:max_features=9", "--seeds", "1")
    assert code == 0, errors
    (note,) = [line for line in errors.splitlines() if line.startswith("note: time overlap: ")]
    assert "as reported before" not in errors
    again = embrec(*COMPARE, "--encoder", "tfidf", "--encoder", "tfidf:max_features=9", "--seeds", "1")
    recalled = "as reported before (in full: embrec data split --category toys --split item-holdout:fraction=0.2): "
    assert recalled in again[2]
    assert note not in again[2]


def test_without_encoders_those_of_the_tables_there_are_compared(embrec, monkeypatch, tmp_path):
    monkeypatch.setattr(defaults, "_installed", lambda _: False)
    build_features(Workspace(tmp_path / "workspace").category("toys"), ["tfidf", "tfidf:max_features=9"])
    arguments = [word for word in COMPARE if word not in ("--category", "toys")]
    code, printed, errors = embrec(*arguments, "--seeds", "1")
    assert code == 0, errors
    assert "no encoder is named; taking those of the feature tables there: tfidf:max_features=9, tfidf" in errors
    assert "tfidf:max_features=9" in printed


def test_a_wrong_encoder_or_setting_is_an_error_of_one_line(embrec, tmp_path):
    for arguments, message in (
        (("--encoder", "tfidf", "--encoder", "lda"), "unknown encoder 'lda'"),
        (("--encoder", "tfidf", "--set", "model.dims=3"), "unknown setting 'model.dims'"),
        (("--metric", "hits@10"), "unknown metric 'hits@10'"),
        (("--set", "training.device=tpu9"), "unknown device 'tpu9'"),
        (
            ("--reference", "minilm", "--encoder", "tfidf"),
            "is not among the encoders that are compared",
        ),
        (("--encoder", "tfidf", "--seeds", "0"), "seeds is 0: train at least one model each"),
        (("--encoder", "tfidf", "--seeds", "few"), "--seeds is 'few'; give how many (3), or which (0,1,2)"),
    ):
        code, printed, errors = embrec(*COMPARE, *arguments)
        assert (code, printed) == (2, "")
        assert message in errors.splitlines()[-1]
    assert [path.name for path in (tmp_path / "workspace" / "toys").iterdir()] == ["data"]


def test_what_could_not_be_compared_is_said_at_the_end(embrec):
    code, printed, errors = embrec(*COMPARE, "--encoder", "tfidf", "--encoder", "efficientnet-lite0")
    assert code == 2
    assert "all items, 60 targets" in printed
    assert errors.splitlines()[-1].startswith(
        "error: not compared: efficientnet-lite0: encoder 'efficientnet-lite0' finds"
    )


def test_a_comparison_killed_without_warning_goes_on_where_it_was(embrec, tmp_path):
    category = tmp_path / "workspace" / "toys"
    results = killed_and_repeated(embrec, category, *COMPARE, "--encoder", "tfidf", "--seeds", "4")
    assert results["seeds"] == [0, 1, 2, 3]
    assert len(list(category.glob("runs/*/metrics.json"))) == 4
