"""Test results of a search beside the baselines: the objective comes first, and the strongest baseline."""

from types import SimpleNamespace

import pytest
from support.categories import toy_category, toy_run

from embrec.comparisons.search_tables import test_table as table_of
from embrec.data.splits import LeaveOneOut
from embrec.runs.evaluate import evaluate_runs
from embrec.tuning.categories import Found, measured


@pytest.fixture
def result(tmp_path):
    """A search as far as its measuring asks: two finished runs that know items by identity, in their first epoch."""
    category = toy_category(tmp_path)
    runs = {seed: SimpleNamespace(run=toy_run(category, LeaveOneOut(), f"best-s{seed}")) for seed in (0, 1)}
    folder, config = SimpleNamespace(name="best"), SimpleNamespace(objective="ndcg@10")
    return SimpleNamespace(folder=folder, config=config, runs=SimpleNamespace(runs=runs))


def test_the_objective_comes_first_and_the_best_baseline_right_below_the_models(result):
    found = measured(result)
    assert found.metrics == ("ndcg@10", "auc")  # hr@50 looks further than the 40 items
    assert list(found.baselines) == ["markov", "pop"]
    runs = [one.run for one in result.runs.runs.values()]
    evaluations = evaluate_runs(runs, ["markov"])
    assert found.baselines["markov"]["auc"] == evaluations["markov"].metrics(["auc"])["all"]["auc"]
    means = [evaluations[run.name].metrics(["ndcg@10"])["all"]["ndcg@10"] for run in runs]
    assert found.best["ndcg@10"].mean == pytest.approx(sum(means) / 2)
    assert found.lines[0].startswith("markov, which only counts what followed the last item, is better: NDCG@10")
    table = table_of({"toys": found})
    assert list(table.columns) == ["category", "model", "ndcg@10", "auc"]
    assert [row[1] for row in table.rows] == ["best settings, 2 seeds", "markov", "pop"]
    assert table.rows[0][2].startswith(f"{found.best['ndcg@10'].mean:.4f} ± ")


def test_a_search_that_trained_no_model_has_no_row(result):
    result.runs = None
    found = measured(result)
    assert found == Found(result)
    assert table_of({"toys": found}).rows == []
