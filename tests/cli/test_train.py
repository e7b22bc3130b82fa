"""`embrec train` as a person types it: without a category, feature tables or a name."""

import pytest
from support.categories import SETTINGS, toy_category

from embrec.features import defaults

SMALL = ("--epochs", "1", *(word for setting in SETTINGS for word in ("--set", setting)))


@pytest.fixture
def embrec(run, tmp_path, monkeypatch):
    """Run a command beside a category; TF-IDF is the only encoder that is installed."""
    monkeypatch.setattr(defaults, "_installed", lambda _: False)
    toy_category(tmp_path / "workspace")
    return run


def test_train_alone_builds_what_is_missing_and_says_so(embrec):
    code, printed, errors = embrec("train", *SMALL)
    assert code == 0, errors
    assert errors.startswith(
        "no feature table fits leave-one-out; building tfidf for the texts (title); minilm is left out"
    )
    assert "toys/content-tfidf, test targets" in printed
    assert "run: workspace/toys/runs/content-tfidf\n" in errors
    code, printed, errors = embrec("train", *SMALL)
    assert (code, errors.splitlines()[0]) == (0, "no feature table is named; taking the one there: tfidf")
    assert "run toys/content-tfidf is finished already" in errors
    assert "time overlap" not in errors
    code, printed, errors = embrec("train", *SMALL, "--dropout", "0.5")
    assert code == 0, errors
    assert "toys/content-tfidf-" in printed
    assert (
        "as told before (in full: embrec data split --category toys --split leave-one-out): note: time overlap"
        in errors
    )
    assert "note: time overlap: " not in errors.replace("): note: time overlap", "")


def test_a_model_of_ids_builds_nothing(embrec, tmp_path):
    code, printed, errors = embrec("train", "--source", "id", *SMALL)
    assert code == 0, errors
    assert "toys/id, test targets" in printed
    assert "feature table" not in errors
    assert not (tmp_path / "workspace" / "toys" / "features").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--category", "toyz"), "no category 'toyz' in the workspace workspace; did you mean 'toys'? (there: toys)"),
        (("--loss", "bpr_max"), "setting 'training.loss' is 'bpr_max'; did you mean 'bpr-max'? there are: "),
        (("--model", "sasrek"), "did you mean 'sasrec'?"),
        (("--split", "item-hold-out"), "--split is 'item-hold-out'; did you mean 'item-holdout'? there are: "),
        (("--split", "item-holdout:fractoin=0.2"), "has no parameter 'fractoin=0.2'; did you mean 'fraction'?"),
        (("--preset", "embrec-ofice"), "did you mean 'embrec-office'?"),
        (
            ("--set", "training.epohs=3"),
            "unknown setting 'training.epohs'; did you mean 'training.epochs'? there are: ",
        ),
        (("--set", "training.select_by=ndgc@5"), "unknown metric 'ndgc@5'; did you mean 'ndcg@5'? use hr@K"),
        (
            ("--source", "contend"),
            "'model.source' is 'contend': Input should be 'content', 'id' or 'hybrid'; did you mean 'content'?",
        ),
        (("--seeds", "0,x"), "seeds '0,x': 'x' is not a whole number"),
        (("--negatives", "400"), "there are only 40 training items"),
        (("--device", "gpu"), "unknown device 'gpu'; use auto, cpu, cuda or cuda:N"),
        (("--run", "../mine"), "run '../mine' is not a usable name"),
        (("--features", "tfdif"), "unknown encoder 'tfdif'; did you mean 'tfidf'?"),
        (
            ("--set", "model.features=[]"),
            "the model reads content, and no feature table is named; name one with --features",
        ),
    ],
)
def test_a_slip_is_answered_in_one_line_before_anything_is_built(embrec, tmp_path, arguments, message):
    code, printed, errors = embrec("train", *arguments)
    assert (code, printed) == (2, "")
    assert message in errors.splitlines()[-1]
    assert [path.name for path in (tmp_path / "workspace" / "toys").iterdir()] == ["data"]


def test_a_run_that_is_not_there_is_answered_with_the_nearest(embrec, tmp_path):
    for name in ("first", "second"):
        folder = tmp_path / "workspace" / "toys" / "runs" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").touch()
    for wrong in ("frst", "toys/frst"):
        code, _, errors = embrec("recommend", wrong, "--sample", "1")
        assert code == 2
        assert errors == (
            f"error: no run '{wrong}' in the workspace workspace; did you mean 'toys/first'? "
            "(there: toys/first, toys/second)\n"
        )
