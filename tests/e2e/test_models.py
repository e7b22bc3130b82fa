"""Every kind of model, of every source, from training to recommendations for new items, through the commands."""

import json

import polars as pl
import pytest
import torch

from embrec.models import registry
from embrec.runs.folder import RunFolder
from embrec.runs.model import load_model
from embrec.serving.recommender import Recommender

OPTIONS = {
    "sasrec": ["--set", "model.heads=2", "--set", "model.layers=2"],
    "gru4rec": ["--loss", "bpr-max", "--negatives", "32", "--set", "training.negatives.in_batch=true"],
}
SOURCES = {"id": [], "content": ["--features", "tfidf"], "hybrid": ["--features", "tfidf", "--source", "hybrid"]}
CASES = [(kind, source) for kind in OPTIONS for source in SOURCES]


def run(*arguments):
    def of(shop):
        code, errors = shop.invoke(*arguments)
        assert code == 0, errors

    return of


@pytest.fixture(scope="module")
def zoo(shop):
    """The shop with a run of each kind and source, two epochs each."""
    for kind, source in CASES:
        run(
            "train", "--category", "shop", "--model", kind, *OPTIONS[kind], *SOURCES[source], "--epochs", "2",
            "--batch-size", "16", "--learning-rate", "0.01", "--set", "model.dim=16", "--run", f"{kind}-{source}",
        )(shop)  # fmt: skip
    return shop


def test_every_kind_of_model_is_tried(zoo):
    assert {"embrec", *OPTIONS} == set(registry.kinds())
    for kind, source in CASES:
        config = RunFolder(zoo.run_folder(f"{kind}-{source}")).config()
        assert (config.model.kind, config.model.source) == (kind, source)


def test_loaded_runs_rank_as_they_did_in_memory(zoo, tmp_path):
    names = [f"{kind}-{source}" for kind, source in CASES]
    run("evaluate", *names, "--baseline", "pop", "--output", tmp_path / "metrics.json")(zoo)
    evaluated = json.loads((tmp_path / "metrics.json").read_text())
    assert set(evaluated) == {*names, "pop"}
    for name in names:
        assert evaluated[name]["all"] == pytest.approx(zoo.metrics(name)["test"]["all"], abs=1e-9)
        assert evaluated[name]["all"]["hr@10"] > evaluated["pop"]["all"]["hr@10"]


@pytest.mark.parametrize(("kind", "source"), CASES)
def test_a_run_folder_recommends(zoo, kind, source):
    recommender = Recommender.load(zoo.run_folder(f"{kind}-{source}"))
    long = [f"i{i % 40:02d}" for i in range(70)]  # longer than what the model reads
    for answer in recommender.recommend([["i03", "i04"], ["i07"], []], k=5):
        assert len(answer) == 5
    (answer,) = recommender.recommend([long], k=5, exclude_seen=False)
    assert answer == recommender.recommend([long[-50:]], k=5, exclude_seen=False)[0]


@pytest.mark.parametrize(("kind", "source"), [case for case in CASES if case[1] != "id"])
def test_new_items_are_scored_by_their_content(zoo, kind, source):
    output = f"{kind}-{source}.parquet"
    run("score", f"{kind}-{source}", "--items", "new.jsonl", "--output", output, "--k", "43")(zoo)
    scores = pl.read_parquet(zoo.folder / output)
    assert set(scores.filter(pl.col("new"))["item"]) == {"new0", "new1", "new2"}
    twins = scores.filter(pl.col("item").is_in(["i00", "new0"])).pivot("item", index="user", values="score")
    difference = (twins["i00"] - twins["new0"]).drop_nulls()
    if source == "content":  # but for what training has learned of i00 itself: its bias
        bias = load_model(RunFolder(zoo.run_folder(f"{kind}-{source}"))).model.scorer.bias
        expected = 0.0 if bias is None else bias[1].item()
        assert difference.to_list() == pytest.approx([expected] * len(difference), abs=1e-4)


def test_models_of_identities_say_that_they_cannot_score_new_items(zoo):
    code, errors = zoo.invoke("score", "sasrec-id", "--items", "new.jsonl", "--output", "x.parquet")
    assert (code, "by identity only" in errors) == (2, True)


def test_a_model_of_raw_features_trained_by_cosine_recommends(shop):
    run(
        "train", "--category", "shop", "--model", "sasrec", "--features", "tfidf", "--loss", "cosine", "--epochs", "1",
        "--set", "model.fc=false", "--set", "model.metric=cosine", "--run", "cosine",
    )(shop)  # fmt: skip
    trained = load_model(RunFolder(shop.run_folder("cosine")))
    norms = trained.model.catalog()[1:].norm(dim=1)
    torch.testing.assert_close(norms, torch.ones_like(norms))
    assert Recommender.load(shop.run_folder("cosine")).recommend([["i01"]], k=3)[0]


@pytest.mark.parametrize("preset", ["sasrec", "gru4rec", "gru4rec-embrec"])
def test_the_presets_of_models_train(shop, preset):
    fitting = {"gru4rec": ["--negatives", "16"], "gru4rec-embrec": ["--set", "training.select_by=auc"]}.get(preset, [])
    run("train", "--category", "shop", "--preset", preset, *fitting, "--epochs", "1", "--run", f"preset-{preset}")(shop)
    assert shop.metrics(f"preset-{preset}")["epochs"] == 1
