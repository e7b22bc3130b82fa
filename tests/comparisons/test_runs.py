"""Finished runs compared target by target: seeds together, baselines as rows, slices and lists."""

import numpy as np
import pytest
from support.categories import SETTINGS, toy_category

from embrec.comparisons.runs import compare_runs, runs_legend, runs_markdown, runs_tables
from embrec.errors import ConfigError
from embrec.runs.pipeline import train
from embrec.runs.presets import build_config


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two seeds of a small model of identities, and one run of a larger one."""
    category = toy_category(tmp_path_factory.mktemp("runs"))

    def run(name, dim, seed):
        options = {"model.source": "id", "model.dim": dim, "training.epochs": 1, "training.seed": seed}
        return train(category, build_config("toys", options=options, settings=SETTINGS[1:]), name).run

    return [run("small-s0", 8, 0), run("small-s1", 8, 1), run("large", 16, 0)]


@pytest.fixture(scope="module")
def comparison(runs):
    """All of them beside popularity."""
    return compare_runs(runs, ["pop"], dimensions=["history"], k=5)


def test_seeds_are_one_row_and_baselines_are_rows_too(comparison):
    assert comparison.models == {"pop": (), "small": ("small-s0", "small-s1"), "large": ("large",)}
    assert comparison.reference == "small"
    assert [row.name for row in comparison.rows] == list(comparison.models) == list(comparison.evaluations)
    small = comparison.metrics["small"]["all"]["ndcg@10"]
    each = [one.values("ndcg@10").mean() for one in comparison.evaluations["small"]]
    assert small.seeds == pytest.approx(each)
    assert small.estimate.mean == pytest.approx(np.mean(each))
    assert small.estimate.test is None
    assert comparison.metrics["pop"]["all"]["ndcg@10"].estimate.test is not None


def test_slices_share_out_the_targets_and_lists_are_described(comparison):
    history = comparison.breakdowns["history"]
    assert sum(history.targets.values()) == comparison.targets["all"] == 60
    assert set(history.metrics) == set(comparison.models)
    assert 0 < comparison.rows[0].lists["coverage@5"] <= 1
    plain = comparison.as_dict()["models"]
    assert list(plain["small"]) == ["runs", "metrics", "slices", "lists"]
    assert plain["small"]["runs"] == ["small-s0", "small-s1"]
    assert set(plain["large"]["slices"]["history"]) == set(history.targets)


def test_results_can_be_read_by_model_and_slice(comparison):
    assert comparison.shown == comparison.metric_names
    assert list(comparison.by_slice) == list(comparison.slice_sizes) == ["history"]
    assert set(comparison.by_slice["history"]["large"]) == set(comparison.slice_sizes["history"])
    assert list(comparison.lists) == list(comparison.models)
    assert 0 < comparison.lists["large"]["coverage@5"] <= 1


def test_tables_have_a_row_a_model_and_the_differences_where_they_are_asked_for(comparison):
    every, *_, lists = runs_tables(comparison)
    assert [row[:2] for row in every.rows] == [["pop", ""], ["small", "2"], ["large", "1"]]
    assert [row[0] for row in lists.rows] == ["pop", "small", "large"]
    titles = [table.title for table in runs_tables(comparison, differences=True)]
    assert titles[1] == "difference from small: all"
    assert {"ndcg@10 by history", "the recommended lists"} < set(titles)
    assert "worse than small on the same targets" in runs_legend(comparison)
    assert "small is the mean of small-s0, small-s1." in runs_markdown(comparison, "the command")


def test_the_reference_may_be_a_run_a_model_or_a_baseline(runs):
    for asked, found in (("small-s1", "small"), ("large", "large"), ("pop", "pop")):
        assert compare_runs(runs, ["pop"], reference=asked).reference == found
    with pytest.raises(ConfigError, match="reference 'largo' is not among the models; did you mean 'large'"):
        compare_runs(runs, ["pop"], reference="largo")
