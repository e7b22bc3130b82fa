"""What a user does with a trained run, through the commands."""

import json
import re
import shutil

import numpy as np
import polars as pl
import pytest
from e2e.conftest import Shop

from embrec.serving.recommender import Recommender


def test_an_evaluation_names_its_protocol_and_shows_every_model_on_every_slice(shop):
    result = shop.here("evaluate", "shop/content", "id", "--baseline", "pop", "--baseline", "content-knn")
    title, _, names, _, *rest = result.stdout.splitlines()
    assert title == "shop, test targets ranked among all items of the catalog, seen items: exclude, ties: mean"
    assert re.split(r"\s{2,}", names.strip()) == ["model", "targets on", "targets", "hr@10", "ndcg@10", "mrr@10", "auc"]
    rows = [re.split(r"\s{2,}", line.strip()) for line in rest[: rest.index(" " * len(names))]]
    models = ("content", "id", "pop", "content-knn")
    # Every item was trained on, so the targets on such items are all targets, and no other slice has any.
    assert [row[:3] for row in rows] == [[name, on, "120"] for name in models for on in ("all", "warm items")]
    for whole, warm in zip(rows[::2], rows[1::2], strict=True):
        assert whole[3:] == warm[3:]
        for metric, value in zip(["hr@10", "ndcg@10", "mrr@10", "auc"], whole[3:], strict=True):
            if whole[0] in ("content", "id"):
                assert float(value) == pytest.approx(shop.metrics(whole[0])["test"]["all"][metric], abs=1e-4)


def test_baselines_stand_beside_a_model_unless_nobody_wants_them(shop):
    trained = shop.here(
        "train", "--category", "shop", "--features", "tfidf", "--epochs", 3, "--batch-size", 16, "--learning-rate", 0.01,
        "--set", "model.dim=16", "--set", "model.units=16", "--run", "content",
    )  # fmt: skip
    assert "finished already" in trained.stderr
    evaluated = shop.here("evaluate", "content")
    compared = shop.here("compare", "runs", "content", "id")
    for result in (trained, evaluated, compared):
        named = [line.split()[0] for line in result.stdout.splitlines() if line.split()]
        assert {"pop", "markov", "content-knn"} <= set(named)
        # The customers go through the articles in order: counting pairs knows all of it, three epochs do not.
        assert "markov, which only counts what followed the last item, is better: NDCG@10" in result.stdout
    alone = shop.here("evaluate", "content", "--baseline", "none")
    assert "markov" not in alone.stdout


def test_evaluate_repeats_the_metrics_of_the_run(shop, tmp_path):
    shop.here("evaluate", "content", "--output", tmp_path / "metrics.json")
    written = json.loads((tmp_path / "metrics.json").read_text())["content"]["all"]
    assert written == pytest.approx(shop.metrics("content")["test"]["all"])


def test_training_again_does_nothing(shop):
    result = shop.train("--run", "content")
    assert "finished already" in result.stderr


def test_recommendations_for_a_user_leave_out_what_the_user_has(shop):
    result = shop.here("recommend", "shop/content", "--user", "u003", "--k", "5", "--json")
    items = [json.loads(line) for line in result.stdout.splitlines()]
    log = pl.read_csv(shop.folder / "log.csv").filter(pl.col("user") == "u003")["item"].to_list()
    assert [item["rank"] for item in items] == [1, 2, 3, 4, 5]
    assert not {item["item"] for item in items} & set(log)
    assert all(item["title"] for item in items)


def test_each_line_of_json_names_the_user_alone(shop):
    users = ["--user", "u003", "--user", "u007"]
    result = shop.here("recommend", "shop/content", *users, "--k", "2", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["user"], line["rank"]) for line in lines] == [("u003", 1), ("u003", 2), ("u007", 1), ("u007", 2)]
    result = shop.here("recommend", "shop/content", "--history", "i03", "--k", "1", "--json")
    assert json.loads(result.stdout)["user"] is None


def test_a_visitor_without_events_gets_a_list_and_is_told_what_it_is(shop):
    result = shop.here("recommend", "shop/content", "--history", "", "-k", "3", "--json")
    assert len(result.stdout.splitlines()) == 3
    assert "note: nothing is known of a visitor without events" in result.stderr
    assert "nothing is known" not in shop.here("recommend", "shop/content", "--history", "i03").stderr


def test_an_unknown_user_is_answered_with_the_nearest(shop):
    code, errors = shop.invoke("recommend", "shop/content", "--user", "U-003")
    assert code == 2
    assert "no user 'U-003' among the 120 users of the log; did you mean 'u003'?" in errors


@pytest.mark.parametrize(
    ("ending", "read"), [("csv", pl.read_csv), ("jsonl", pl.read_ndjson), ("parquet", pl.read_parquet)]
)
def test_scores_are_written_as_the_name_says(shop, ending, read):
    shop.here("score", "content", "--output", f"all.{ending}", "--k", "3")
    scores = read(shop.folder / f"all.{ending}")
    assert scores.columns == ["user", "rank", "item", "score", "new"]
    assert len(scores) == 360
    assert scores["rank"].dtype.is_integer()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--output", "x.xlsx"), "x.xlsx: scores are written as .parquet, .csv, .jsonl; name a file such as x.parquet"),
        (("--output", "absent/x.csv"), "no such folder: "),
        (("--output", "x.csv", "--by", "itm"), "unknown way to score by 'itm'; did you mean 'item'?"),
        (("--output", "x.csv", "--by", "item"), "there are no new items to find users for; give them with --items"),
        (("--output", "workspace"), "workspace is a folder; name a file such as "),
    ],
)
def test_score_checks_its_options_before_it_works(shop, monkeypatch, arguments, message):
    monkeypatch.setattr(Recommender, "load", lambda *_: pytest.fail("a run was read before the options were checked"))
    items = [] if arguments[-1] == "item" else ["--items", "new.jsonl"]
    code, errors = shop.invoke("score", "content", *items, *arguments)
    assert code == 2
    assert message in errors


def test_score_says_what_it_noticed_of_new_items(shop):
    rows = [{"item": "n1", "title": ""}, {"item": "n2", "title": "red scarf"}, {"item": "i00", "title": "another"}]
    (shop.folder / "odd.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = shop.here("score", "content", "--items", "odd.jsonl", "--output", "odd.csv", "--by", "item")
    for note in (
        "note: 1 of the items are in the catalog already",
        "note: the new items lack column brand of the catalog",
        "note: 1 of the 2 new items has nothing to read",
        "2 new items beside 40 of the catalog",
    ):
        assert note in result.stderr
    assert set(pl.read_csv(shop.folder / "odd.csv")["item"]) == {"n2"}


def test_after_another_import_a_run_scores_by_the_ids_of_items(tmp_path):
    """The day after: the catalog has another order and more items, and nobody has bought the new ones yet."""
    shop = Shop(tmp_path)
    shop.import_log()
    shop.here("features", "build", "--category", "shop", "--encoder", "tfidf")
    shop.here(
        "train", "--category", "shop", "--features", "tfidf", "--epochs", 1, "--set", "model.dim=8", "--set", "model.units=8",
        "--run", "first",
    )  # fmt: skip
    shop.here("score", "first", "--output", "before.csv", "--k", 5)
    lines = (shop.folder / "items.jsonl").read_text().splitlines()
    new = [json.dumps({"item": "a-new-one", "title": "a red scarf", "brand": "brand 1"})]
    (shop.folder / "items.jsonl").write_text("\n".join(new + lines[::-1]) + "\n")
    shop.here(
        "data", "import", "--source", "table", "--interactions", "log.csv", "--items", "items.jsonl", "--category", "shop",
        "--preset", "none", "--force",
    )  # fmt: skip
    shop.here("score", "first", "--output", "after.csv", "--k", 5)
    before, after = (pl.read_csv(shop.folder / f"{name}.csv").sort("user", "rank") for name in ("before", "after"))
    assert before.equals(after)


def test_recommendations_for_a_history_equal_those_of_the_library(shop):
    result = shop.here("recommend", "content", "--history", "i03, i04,i05", "--k", "4", "--json")
    items = [json.loads(line)["item"] for line in result.stdout.splitlines()]
    library = Recommender.load(shop.run_folder("content")).recommend([["i03", "i04", "i05"]], k=4)[0]
    assert items == [item.item for item in library]


def test_a_run_folder_is_enough_to_recommend(shop, tmp_path):
    shutil.copytree(shop.run_folder("content"), tmp_path / "moved")
    model = Recommender.load(tmp_path / "moved")
    here = Recommender.load(shop.run_folder("content"))
    assert model.recommend([["i07"]]) == here.recommend([["i07"]])


def test_new_items_are_scored_for_every_user(shop):
    shop.here("score", "content", "--items", "new.jsonl", "--output", "scores.parquet", "--k", "43")
    scores = pl.read_parquet(shop.folder / "scores.parquet")
    assert scores.columns == ["user", "rank", "item", "score", "new"]
    assert scores["user"].n_unique() == 120
    assert set(scores.filter(pl.col("new"))["item"]) == {"new0", "new1", "new2"}
    # new0 has the text of i00, so whoever has seen neither gets both with one score
    twins = (
        scores.filter(pl.col("item").is_in(["i00", "new0"])).pivot("item", index="user", values="score").drop_nulls()
    )
    assert len(twins) > 50
    assert (twins["i00"] - twins["new0"]).abs().max() < 1e-4
    ordered = scores.sort("user", "rank").group_by("user", maintain_order=True).agg(pl.col("score").diff().max())
    assert ordered["score"].max() <= 0


def test_new_items_find_their_users(shop):
    shop.here("score", "content", "--items", "new.jsonl", "--output", "users.parquet", "--by", "item", "--k", "7")
    found = pl.read_parquet(shop.folder / "users.parquet")
    shop.here("score", "content", "--items", "new.jsonl", "--output", "all.parquet", "--k", "43")
    everything = pl.read_parquet(shop.folder / "all.parquet")
    for item in ("new0", "new1", "new2"):
        best = everything.filter(pl.col("item") == item).sort("score", descending=True).head(7)
        assert found.filter(pl.col("item") == item)["score"].to_list() == pytest.approx(best["score"].to_list())


def test_a_model_of_identities_says_that_it_cannot_score_new_items(shop):
    result = shop.here("score", "id", "--items", "new.jsonl", "--output", "x.parquet", check=False)
    assert result.returncode == 2
    assert "by identity only" in result.stderr
    assert not (shop.folder / "x.parquet").exists()


def test_doctor_tells_what_is_there(shop):
    result = shop.here("doctor", "--json")
    report = json.loads(result.stdout)
    assert report["system"]["python"]
    runs = dict(report["categories"])
    assert runs["shop"] >= 2
    assert any(name == "torch" and version != "not installed" for name, version, _ in report["packages"])


def test_a_shop_with_vectors_of_its_own_needs_no_texts(shop):
    """Vectors from a file, whitened; new items are looked up in the same file."""
    generator = np.random.default_rng(0)
    ids = [*(f"i{row:02d}" for row in range(40)), "new0", "new1"]
    vectors = pl.Series("vector", generator.normal(size=(42, 6)).astype(np.float32), dtype=pl.Array(pl.Float32, 6))
    pl.DataFrame({"item": ids}).with_columns(vectors).write_parquet(shop.folder / "vectors.parquet")
    spec = "vectors:path=vectors.parquet+whiten"
    shop.here("features", "build", "--category", "shop", "--encoder", spec)
    shop.here(
        "train", "--category", "shop", "--features", spec, "--epochs", 1, "--set", "model.dim=8", "--run", "vectors"
    )
    (shop.folder / "bare.csv").write_text("item\nnew0\nnew1\n")
    shop.here("score", "shop/vectors", "--items", "bare.csv", "--output", "vectors-scores.parquet", "--k", 42)
    scores = pl.read_parquet(shop.folder / "vectors-scores.parquet")
    assert set(scores.filter(pl.col("new"))["item"]) == {"new0", "new1"}
    (shop.folder / "unknown.csv").write_text("item\nnew9\n")
    result = shop.here("score", "shop/vectors", "--items", "unknown.csv", "--output", "x.parquet", check=False)
    assert result.returncode == 2
    assert "none of the 1 new items has anything that the encoders of run 'vectors' read" in result.stderr
