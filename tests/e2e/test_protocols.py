"""Splits, candidates and comparisons of runs, as a user runs them."""

import json

import pytest

TRAIN = ("train", "--category", "shop", "--source", "id", "--epochs", "1", "--batch-size", "16")
SPLITS = {
    "ratio": "per-user-ratio:train=0.6:valid=0.2",
    "users": "user-holdout:valid=0.1:test=0.2",
    "time": "global-time:targets=last",
    "streaming": "global-time:min_history=0",
}


@pytest.fixture(scope="module")
def runs(shop):
    """A run a split, and two seeds of leave-one-out."""
    for name, split in SPLITS.items():
        shop.here(*TRAIN, "--split", split, "--run", name)
    shop.here(*TRAIN, "--seeds", "0,1", "--run", "loo")
    return shop


@pytest.mark.parametrize("name", SPLITS)
def test_a_model_is_trained_and_evaluated_under_every_split(runs, name):
    metrics = runs.metrics(name)
    assert metrics["test"]["all"]["targets"] > 0
    result = runs.here("evaluate", f"shop/{name}", "--baseline", "pop", "--metric", "rank", "--metric", "auc-strict")
    assert "ranked among all items of the catalog, seen items: exclude, ties: mean" in result.stdout


def test_a_sample_of_candidates_says_so_and_flatters(runs):
    full, sampled = (
        runs.here("evaluate", "shop/loo-s0", "--metric", "hr@5", "--output", f"{name}.json", *options).stdout
        for name, options in (("full", ()), ("sampled", ("--candidates", "sampled:count=9")))
    )
    assert "SAMPLED: the target and 9 items, uniform, without all items of the user, seed 0" in sampled
    assert "SAMPLED" not in full
    few, all_items = (
        json.loads((runs.folder / f"{name}.json").read_text())["loo-s0"]["all"]["hr@5"] for name in ("sampled", "full")
    )
    assert few > all_items


def test_streaming_candidates(runs):
    result = runs.here("evaluate", "shop/streaming", "--candidates", "seen-so-far", "--seen", "keep")
    assert "ranked among the items seen so far, seen items: keep" in result.stdout


def test_runs_are_compared_with_seeds_together_and_slices_apart(runs):
    result = runs.here(
        "compare", "runs", "loo-s0", "loo-s1", "--baseline", "pop", "--metric", "hr@10", "--metric", "rank",
        "--slice", "history", "--slice", "partition", "--lists", "5", "--output", "compared",
    )  # fmt: skip
    numbers = json.loads((runs.folder / "compared/runs.json").read_text())
    assert numbers["models"]["loo"]["runs"] == ["loo-s0", "loo-s1"]
    assert numbers["reference"] == "loo"
    one = numbers["models"]["loo"]["metrics"]["all"]["hr@10"]
    expected = [runs.metrics(f"loo-s{seed}")["test"]["all"]["hr@10"] for seed in (0, 1)]
    assert one["seeds"] == pytest.approx(expected)
    assert one["low"] <= one["mean"] <= one["high"]
    assert numbers["models"]["pop"]["lists"]["coverage@5"] < 0.5
    (observed, *_), *_ = [line.split()[1:] for line in result.stdout.splitlines() if line.split()[:1] == ["observed"]]
    assert observed == "120"
    page = (runs.folder / "compared/runs.md").read_text()
    assert "loo is the mean of loo-s0, loo-s1." in page
    assert "Made by `embrec compare runs loo-s0" in page
    assert "difference from loo" in page


def test_a_dimension_of_slices_for_each_source_that_the_runs_read(runs):
    result = runs.here("compare", "runs", "content", "--metric", "auc", "--slice", "features")
    assert "auc by tfidf" in result.stdout


def test_a_second_comparison_reads_what_the_first_has_ranked(runs):
    runs.here("compare", "runs", "loo-s0")
    files = list((runs.run_folder("loo-s0") / "evaluations").iterdir())
    before = {file: file.stat().st_mtime_ns for file in files}
    again = runs.here("compare", "runs", "loo-s0", "--metric", "ndcg@5", "--ties", "pessimistic")
    assert {file: file.stat().st_mtime_ns for file in files} == before
    assert "loo-s0: 120 done" not in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", "runs", "loo-s0", "time"), "were trained on different splits"),
        (("compare", "runs", "loo-s0", "--reference", "best"), "reference 'best' is not among the models"),
        (("compare", "runs", "loo-s0", "--slice", "features"), "slices by feature need runs that read feature tables"),
        (("compare", "runs", "loo-s0", "--lists", "5", "--metric", "auc", "--candidates", "sampled:count=9"), "lists are of"),
        (("compare", "runs", "loo-s0", "--slice", "weather"), "unknown slices 'weather'; there are: partition, history"),
        (("evaluate", "loo-s0", "--metric", "hr@41"), "'hr@41' looks at the first 41 of only 40 candidates"),
        (("evaluate", "loo-s0", "--metric", "ndcg@5", "--candidates", "sampled:count=40"), "the catalog has 40 items"),
        (("evaluate", "loo-s0", "--candidates", "some"), "candidates is 'some'; there are: all, sampled, seen-so-far"),
        (("evaluate", "loo-s0", "--candidates", "sampled:count=x"), "candidates sampled:count is 'x': Input should be"),
        ((*TRAIN, "--split", "user-holdout:test=0.001"), "leaves no test targets"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused_in_one_line(runs, arguments, message):
    code, errors = runs.invoke(*arguments)
    assert code == 2
    assert message in errors
    assert len(errors.strip().splitlines()) == 1


def test_baselines_are_ranked_once(runs):
    first = runs.here("compare", "runs", "loo-s0", "--baseline", "pop", "--slice", "history")
    again = runs.here("evaluate", "loo-s1", "--baseline", "pop")
    assert "pop: 120 done" not in again.stderr
    kept = list((runs.folder / "workspace" / "shop" / "evaluations").iterdir())
    assert kept
    for damaged in kept:
        damaged.write_bytes(b"")
    mended = runs.here("compare", "runs", "loo-s0", "--baseline", "pop", "--slice", "history")
    assert mended.stdout == first.stdout
    assert "pop: 120 done" in mended.stderr
