"""What a user gets wrong is one line on standard error and exit code 2, and nothing is lost or half-written."""

import shutil
import subprocess
import sys

import pytest


def tree(folder):
    """Every file below a folder with its size and time, but for locks."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


CASES = {
    "unknown category": (["train", "--category", "nowhere", "--source", "id"], "no category 'nowhere'"),
    "unknown encoder": (["features", "build", "--category", "shop", "--encoder", "elmoo"], "unknown encoder 'elmoo'"),
    "unknown text column": (
        ["features", "build", "--category", "shop", "--encoder", "tfidf", "--text", "colour"],
        "names a column 'colour' that the catalog does not have; there are: title, brand",
    ),
    "no images": (
        ["features", "build", "--category", "shop", "--encoder", "efficientnet-lite0"],
        "finds nothing to read in any of the 40 items",
    ),
    "missing features": (
        ["train", "--category", "shop", "--features", "minilm"],
        "embrec features build --category shop --encoder minilm",
    ),
    "content without features": (
        ["train", "--category", "shop", "--set", "model.features=[]"],
        "the model reads content, and no feature table is named; name one with --features",
    ),
    "unknown split": (["train", "--category", "shop", "--source", "id", "--split", "random"], "--split is 'random'"),
    "impossible holdout": (
        ["train", "--category", "shop", "--source", "id", "--split", "item-holdout:fraction=2"],
        "--split item-holdout:fraction is '2'",
    ),
    "unknown setting": (
        ["train", "--category", "shop", "--source", "id", "--set", "model.size=3"],
        "unknown setting 'model.size'",
    ),
    "setting of the wrong kind": (
        ["train", "--category", "shop", "--source", "id", "--set", "training.epochs=many"],
        "'training.epochs' is 'many'",
    ),
    "unknown model": (["train", "--category", "shop", "--model", "sasrek"], "'model.kind' is 'sasrek'"),
    "unknown loss": (
        ["train", "--category", "shop", "--source", "id", "--loss", "hinge"],
        "'training.loss' is 'hinge'",
    ),
    "loss that needs a sample": (
        ["train", "--category", "shop", "--source", "id", "--loss", "gbce"],
        "loss gbce needs sampled negatives",
    ),
    "more negatives than items": (
        ["train", "--category", "shop", "--source", "id", "--negatives", "500", "--run", "id", "--force"],
        "training.negatives.count is 500, but there are only 40 training items",
    ),
    "heads that do not divide frozen vectors": (
        [
            "train",
            "--category",
            "shop",
            "--model",
            "sasrec",
            "--features",
            "tfidf",
            "--set",
            "model.fc=false",
            "--set",
            "model.heads=997",
        ],
        "997 heads do not divide item vectors of length",
    ),
    "unknown metric": (
        ["train", "--category", "shop", "--source", "id", "--set", "training.select_by=loss"],
        "unknown metric 'loss'",
    ),
    "unknown preset": (["train", "--category", "shop", "--source", "id", "--preset", "best"], "unknown preset 'best'"),
    "device that is not there": (
        ["train", "--category", "shop", "--source", "id", "--device", "cuda:7", "--run", "gpu"],
        "'cuda:7' is not there",
    ),
    "run of another configuration": (
        ["train", "--category", "shop", "--source", "id", "--run", "content"],
        "exists with another configuration",
    ),
    "unusable run name": (["train", "--category", "shop", "--source", "id", "--run", "../x"], "run '../x'"),
    "folder that is no run": (["evaluate", "."], "is not a run folder"),
    "unknown run": (["evaluate", "nothing"], "no run 'nothing'"),
    "unknown baseline": (["evaluate", "content", "--baseline", "svd"], "unknown baseline 'svd'"),
    "unknown policy": (["evaluate", "content", "--seen", "hide"], "seen is 'hide'"),
    "neither user nor history": (["recommend", "content"], "no user or history is given"),
    "user and history": (
        ["recommend", "content", "--user", "u1", "--history", "i1"],
        "give only one of --user, --history",
    ),
    "table of no encoder": (["features", "show", "nope"], "no feature table 'nope'"),
    "unknown user": (["recommend", "content", "--user", "nobody"], "no user 'nobody'"),
    "unknown item in a history": (["recommend", "content", "--history", "i01,i99"], "no item 'i99' in the catalog"),
    "missing file of new items": (
        ["score", "content", "--items", "absent.jsonl", "--output", "out.parquet"],
        "absent.jsonl",
    ),
    "users of no new items": (
        ["score", "content", "--by", "item", "--output", "out.parquet"],
        "give them with --items",
    ),
    "unknown way of scoring": (
        ["score", "content", "--by", "day", "--output", "out.parquet"],
        "unknown way to score by 'day'",
    ),
    "output that is a folder": (["score", "content", "--output", "workspace"], "workspace is a folder"),
    "unknown option": (["train", "--colour", "red"], "No such option: --colour"),
}


@pytest.mark.parametrize(("arguments", "message"), CASES.values(), ids=CASES.keys())
def test_bad_input_is_one_line(shop, arguments, message):
    before = tree(shop.folder)
    code, output = shop.invoke(*arguments)
    assert code == 2
    errors = [line for line in output.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in output
    assert tree(shop.folder) == before


def test_new_items_without_a_known_column_are_refused(shop, tmp_path):
    (tmp_path / "bare.csv").write_text("item,colour\nn1,red\n")
    result = shop.embrec("score", "content", "--items", tmp_path / "bare.csv", "--output", "out.parquet", check=False)
    assert result.returncode == 2
    assert "none of the 1 new items has anything that the encoders" in result.stderr
    assert "what they read is: title, brand" in result.stderr


def test_a_feature_table_of_another_catalog_is_named(shop, tmp_path):
    other = type(shop)(tmp_path)
    lines = (tmp_path / "items.jsonl").read_text().splitlines()
    (tmp_path / "items.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    other.import_log()
    shutil.copytree(shop.folder / "workspace" / "shop" / "features", tmp_path / "workspace" / "shop" / "features")
    result = other.train(check=False)
    assert result.returncode == 2
    assert "was built for another catalog" in result.stderr


def test_damaged_runs_are_named(shop, tmp_path):
    for file in ("model.safetensors", "items.safetensors", "catalog.parquet", "config.yaml"):
        run = tmp_path / file.replace(".", "-")
        shutil.copytree(shop.run_folder("content"), run)
        (run / file).write_bytes((run / file).read_bytes()[: 40 if file != "config.yaml" else 15])
        code, output = shop.invoke("recommend", run, "--history", "i01")
        assert code == 2
        assert str(run) in output
        assert len(output.splitlines()) == 1


def test_a_full_disk_ends_a_training_in_one_line_and_it_goes_on_later(shop):
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000)); "
    code += "sys.argv[0] = 'embrec'; from embrec.cli import main; main()"
    arguments = ["train", "--category", "shop", "--source", "id", "--epochs", "1", "--run", "full"]
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=shop.folder, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "cannot write" in errors[0]
    assert "Traceback" not in result.stderr
    shop.embrec(*arguments)
    assert shop.metrics("full")["epochs"] == 1


def test_debug_shows_the_traceback(shop):
    result = shop.embrec("--debug", "evaluate", "nothing", check=False)
    assert "Traceback" in result.stderr
