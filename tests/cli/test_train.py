"""`embrec train` as a person types it: without a category, feature tables or a name."""

import json

import pytest
import yaml
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
        "as reported before (in full: embrec data split --category toys --split leave-one-out): note: time overlap"
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


def config_of(tmp_path, name, workspace="workspace"):
    return yaml.safe_load((tmp_path / workspace / "toys" / "runs" / name / "config.yaml").read_text())


def test_every_option_arrives_in_the_configuration_of_the_run(embrec, tmp_path):
    split = ("--category", "toys", "--split", "user-holdout:test=0.3")
    assert embrec("features", "build", *split, "--encoder", "tfidf")[0] == 0
    code, printed, errors = embrec(
        "train", *split, "--model", "embrec", "--source", "hybrid", "--features", "tfidf", "--run", "mine",
        "--loss", "bpr-max", "--negatives", "12", "--epochs", "2", "--batch-size", "16", "--learning-rate", "0.02",
        "--cell", "published", "--dropout", "0.4", "--seed", "7", "--device", "cpu",
        "--set", "model.dim=8", "--set", "training.loss.regularization=0.5",
    )  # fmt: skip
    assert code == 0, errors
    assert "toys/mine, test targets" in printed
    config = config_of(tmp_path, "mine")
    model, training = config["model"], config["training"]
    assert (model["kind"], model["source"]) == ("embrec", "hybrid")
    assert [table.partition("-")[0] for table in model["features"]] == ["tfidf"]
    assert (model["cell"], model["dropout"], model["dim"]) == ("published", 0.4, 8)
    assert (training["loss"]["name"], training["loss"]["regularization"]) == ("bpr-max", 0.5)
    assert (training["negatives"]["count"], training["epochs"], training["batch_size"]) == (12, 2, 16)
    assert (training["learning_rate"], training["seed"], training["device"]) == (0.02, 7, "cpu")
    assert (config["split"]["kind"], config["split"]["test"]) == ("user-holdout", 0.3)


def test_a_preset_gives_way_to_options_and_settings(embrec, tmp_path):
    arguments = ("train", "--source", "id", "--run", "preset", "--preset", "embrec-bpr", *SMALL)
    code, _, errors = embrec(*arguments, "--set", "training.patience=3", "--set", "training.select_by=auc")
    assert code == 0, errors
    config = config_of(tmp_path, "preset")
    assert config["training"]["loss"]["name"] == "bpr"
    assert (config["training"]["epochs"], config["training"]["patience"]) == (1, 3)


def test_several_seeds_are_runs_beside_each_other_and_their_mean(embrec, tmp_path):
    code, printed, errors = embrec("train", "--source", "id", "--run", "several", "--seeds", "3,5", *SMALL)
    assert code == 0, errors
    assert [config_of(tmp_path, f"several-s{seed}")["training"]["seed"] for seed in (3, 5)] == [3, 5]
    assert [row.split()[0] for row in printed.splitlines() if row.split()][4:7] == [
        "3",
        "5",
        "mean",
    ] or "mean" in printed
    code, _, errors = embrec("train", "--source", "id", "--run", "several", "--seeds", "3,5", *SMALL)
    assert "finished already: several-s3, several-s5 (--force starts over)" in errors
    code, _, errors = embrec("train", "--seed", "1", "--seeds", "3,5")
    assert (code, errors) == (2, "error: --seed is for one run and --seeds for several; give one of both\n")


def test_another_workspace_and_starting_over(embrec, tmp_path):
    toy_category(tmp_path / "elsewhere")
    arguments = ("train", "--workspace", "elsewhere", "--source", "id", "--run", "one", *SMALL)
    assert embrec(*arguments)[0] == 0
    assert config_of(tmp_path, "one", "elsewhere")["training"]["epochs"] == 1
    code, _, errors = embrec(*arguments, "--epochs", "2")
    assert code == 2
    assert errors.endswith("; name another run with --run, or start over with --force\n")
    code, _, errors = embrec(*arguments, "--epochs", "2", "--force")
    assert code == 0, errors
    assert config_of(tmp_path, "one", "elsewhere")["training"]["epochs"] == 2


def test_workers_cannot_share_one_gpu(embrec):
    code, _, errors = embrec("train", "--source", "id", "--workers", "2", "--device", "cuda:0", *SMALL)
    assert code == 2
    assert "--device cuda:0 cannot be shared by workers" in errors


def test_evaluate_ranks_by_the_protocol_of_its_options(embrec, tmp_path):
    assert embrec("train", "--source", "id", "--run", "one", *SMALL)[0] == 0
    code, printed, errors = embrec(
        "evaluate", "one", "--baseline", "pop", "--metric", "hr@5", "--metric", "auc", "--seen", "keep",
        "--ties", "pessimistic", "--output", "figures.json",
    )  # fmt: skip
    assert code == 0, errors
    assert "seen items: keep" in printed
    assert "ties: pessimistic" in printed
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert set(figures) == {"one", "pop"}
    assert {"hr@5", "auc"} <= set(figures["one"]["all"])
    code, printed, errors = embrec("evaluate", "one", "--baseline", "none", "--candidates", "sampled:count=9")
    assert code == 0, errors
    assert "ranked among SAMPLED: the target and 9 items" in printed
    assert embrec("evaluate", "one", "--output", "figures.csv")[0] == 2
