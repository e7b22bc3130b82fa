"""`embrec analyze`: what its commands print and write, and how they refuse."""

import json
from pathlib import Path

import pytest
from support.categories import toy_category, toy_run

from embrec.data.splits import UserHoldout
from embrec.features.category import build_features


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    """A category of 300 customers with a run, which no command here changes but for its analyses."""
    category = toy_category(tmp_path_factory.mktemp("toys"), n_users=300)
    return toy_run(category, UserHoldout(test=0.5), "mine")


@pytest.fixture
def analyze(run, toys, monkeypatch):
    """Run an analysis in the workspace of the toys."""

    def analyze(*arguments):
        return run("analyze", *arguments, "--workspace", toys.path.parents[2])

    return analyze


def numbers(folder, name):
    found = json.loads((folder / f"{name}.json").read_text())
    assert found["command"].startswith(f"embrec analyze {name} ")
    for form in ("png", "svg"):
        assert (folder / f"{name}.{form}").stat().st_size > 5_000
    return found


def test_prefixes_prints_a_table_a_metric_and_says_where_the_figure_is(analyze, toys):
    code, printed, errors = analyze("prefixes", "mine", "--metric", "hr@5", "--longest", "6")
    assert code == 0, errors
    assert printed.startswith("toys, run mine, user-holdout:test=0.5, 150 users, ranked among all items")
    for words in ("auc", "hr@5", "same users at first", "gain"):
        assert words in printed
    folder = toys.path / "analyses"
    assert f"figure: {folder / 'prefixes.png'}, numbers: {folder / 'prefixes.json'}" in errors
    assert "targets after more than 6 events are left out" in errors
    assert list(numbers(folder, "prefixes")["metrics"]) == ["auc", "hr@5"]


def test_coverage_prints_a_row_a_length(analyze, tmp_path):
    code, printed, errors = analyze("coverage", "mine", "--k", "3", "--resamples", "20", "--output", "here")
    assert code == 0, errors
    assert "20 draws of" in printed
    assert "without replacement" in printed
    assert "recommended@3" in printed
    found = numbers(tmp_path / "here", "coverage")
    assert (found["k"], found["resamples"], found["replaced"]) == (3, 20, False)


def test_silhouettes_prints_a_table_a_level(analyze, toys):
    code, printed, errors = analyze("silhouettes", "--category", "toys", "--level", "1", "--level", "2")
    assert (code, printed) == (2, "")
    assert "category 'toys' has no feature tables" in errors
    list(build_features(toys.category, ["tfidf"]))
    code, printed, errors = analyze("silhouettes", "--category", "toys", "--level", "1", "--level", "2")
    assert code == 0, errors
    assert "silhouettes of 40 items by 'categories'" in printed
    assert "level 1" in printed
    assert "level 2" in printed
    assert len(numbers(toys.category.path / "analyses", "silhouettes")["values"]) == 2


def test_map_prints_the_popularity_bias_and_whose_dots_are_red(analyze, tmp_path):
    code, printed, errors = analyze("map", "mine", "--sample", "40", "--seed", "1", "--output", "here")
    assert code == 0, errors
    assert "Spearman's correlation of training events and share of users" in printed
    assert "note: red dots: user u" in errors
    found = numbers(tmp_path / "here", "map")
    assert (found["seed"], len(found["queries"]["x"])) == (1, 40)


def test_examples_says_how_the_users_were_chosen(analyze, tmp_path):
    code, _, errors = analyze("examples", "mine", "--users", "2", "--seed", "5", "--output", "here")
    assert code == 0, errors
    assert "note: users whose recommendations are personal: Drawn with seed 5, one per user, from the targets" in errors
    assert f"figure: {Path('here') / 'examples-*.png'}, numbers: {Path('here') / 'examples.json'}" in errors
    found = json.loads((tmp_path / "here" / "examples.json").read_text())
    assert [group["title"] for group in found["groups"]] == [
        "users whose recommendations are personal",
        "users who were given popular items",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("prefixes", "yours"), "no run 'yours' in the workspace"),
        (("prefixes", "mine", "--metric", "hits@5"), "unknown metric 'hits@5'; use hr@K"),
        (("prefixes", "mine", "--longest", "0"), "'--longest'"),
        (("coverage", "mine", "--k", "41"), "--k is 41, but the catalog has 40 items; use fewer"),
        (("map", "mine", "--user", "nobody"), "no user 'nobody' among the 300 users of the log"),
        (("map", "mine", "--sample", "5"), "a map needs 20 users with a test target that can be scored; there are 5"),
        (("coverage", "mine", "--longest", "1", "--k", "0"), "'--k'"),
    ],
)
def test_a_mistake_is_an_error_of_one_line(analyze, arguments, message):
    code, printed, errors = analyze(*arguments)
    assert (code, printed) == (2, "")
    assert message in errors.splitlines()[-1]
