"""Searches beside each other, and one search in the terminal."""

import json
import math
import re

import pytest
from support.categories import toy_category
from support.searches import made_trial, search_config, some_trials, write_search

from embrec.comparisons.search_tables import SearchProgress
from embrec.comparisons.searches import compare_searches, write_search_comparison
from embrec.errors import RunError
from embrec.files import write_json
from embrec.runs.folder import RunFolder

SPACE = {"model.dropout": {"uniform": [0, 0.5]}, "training.learning_rate": {"log-uniform": [1e-4, 1e-2]}}


def trials(config, *values):
    settings = {"model.dropout": 0.1, "training.learning_rate": 1e-3}
    return [made_trial(config, number, settings, [value]) for number, value in enumerate(values, 1)]


def written(category, name, *values, **options):
    config = search_config(SPACE, **options)
    return write_search(category, name, config, trials(config, *values))


def test_searches_that_differ_in_the_seed_are_one_way(tmp_path):
    category = toy_category(tmp_path)
    folders = [
        written(category, "a", 0.1, 0.3, 0.2, 0.4),
        written(category, "b", 0.2, 0.1, 0.5, 0.5, seed=1),
        written(category, "c", 0.1, 0.1, 0.1, 0.2, algorithm="random"),
    ]
    comparison = compare_searches(folders)
    assert list(comparison.groups) == ["tpe", "random"]
    assert [one.curve for one in comparison.groups["tpe"]] == [[0.1, 0.3, 0.3, 0.4], [0.2, 0.2, 0.5, 0.5]]
    searches, means = comparison.tables()
    assert [row[-1] for row in searches.rows] == ["0.4000", "0.5000", "0.2000"]
    assert means.rows[0][0:2] == ["tpe", "2"]
    assert means.rows[0][2].startswith("2: 0.2500 ± ")  # after half of the trials
    assert means.rows[0][3].startswith("0.4500 ± ")
    assert means.rows[1][3] == "0.2000"  # a single seed has no interval
    write_search_comparison(comparison, tmp_path / "out", "embrec compare searches a b c")
    numbers = json.loads((tmp_path / "out" / "searches.json").read_text())
    assert numbers["groups"]["random"][0]["best so far"] == [0.1, 0.1, 0.1, 0.2]
    assert (tmp_path / "out" / "figure.png").stat().st_size > 10_000
    assert (tmp_path / "out" / "figure.svg").is_file()


def test_what_cannot_be_compared_is_named(tmp_path):
    category = toy_category(tmp_path)
    one = written(category, "a", 0.1)
    with pytest.raises(RunError, match="optimises hr@10 and toys/b auc; compare them separately"):
        compare_searches([one, written(category, "b", 0.1, objective="auc")])
    with pytest.raises(RunError, match="toys/c has no trial with a value"):
        compare_searches([one, written(category, "c", seed=1)])


def test_a_search_is_shown_as_far_as_it_is(tmp_path):
    category = toy_category(tmp_path)
    config = search_config(SPACE, samples=20)
    found = SearchProgress(write_search(category, "one", config, some_trials(config)))
    best, progress, *_ = found.tables(top=5)
    assert best.rows[0][1] == "4"
    assert len(best.rows) == 5
    assert best.columns[-1] == "settings"
    assert re.match(r"dropout 0\.\d+, learning_rate [0-9.e-]+$", best.rows[0][-1])
    assert progress.rows[-1] == ["4", "0.3000"]
    notes = "\n".join(found.notes())
    assert "14 of 20 trials: 9 finished, 3 stopped, 1 failed, 1 not ended." in notes
    # Three trials were stopped after three of nine epochs.
    assert "Stopping saved 18 of 111 epochs (16%)" in notes
    assert "Trial 5 failed: it burst" in notes
    assert "continue with: `resumed_search(name='toys/one')`" in notes
    assert "On the test targets" not in notes
    told = json.loads(json.dumps(found.as_dict()))
    assert len(told["trials"]) == 14
    assert math.isclose(told["best so far"][-1]["best"], 0.3)


def test_a_search_that_is_over_says_what_its_models_reach_on_the_test_targets_the_objective_first(tmp_path):
    category = toy_category(tmp_path)
    config = search_config(SPACE, samples=20)
    folder = write_search(category, "one", config, some_trials(config))
    for seed, value in enumerate([0.2, 0.4]):
        run = RunFolder(category.runs / f"one-t4-s{seed}")
        run.write_config(config.base)
        values = {"targets": 60, "auc": 0.75, "hr@10": value}
        write_json(run.metrics, {"test": {"all": values, "cold items": values}})
    folder.write_result({"trial": 4, "runs": {"0": "one-t4-s0", "1": "one-t4-s1", "2": "removed"}})
    notes = SearchProgress(folder).notes()
    # Two values: the 95 % quantile of Student's t with one degree of freedom, 12.706, times 0.1414 / sqrt(2).
    assert notes[-1] == (
        "On the test targets (mean of 2 seeds, ± half its 95 % interval): hr@10 0.3000 ± 1.2706, auc 0.7500 ± 0.0000. "
        "Beside baselines: `compare_runs()`."
    )


def test_a_search_without_a_trial_is_shown_without_empty_tables(tmp_path):
    found = SearchProgress(write_search(toy_category(tmp_path), "one", search_config(SPACE, samples=20), []))
    assert found.tables(top=5) == []
    assert found.notes()[:2] == ["0 of 20 trials: none.", "No trial was stopped early: 0 epochs, 0.0 s of training."]


def test_a_search_of_which_only_the_models_are_missing_says_so(tmp_path):
    base = search_config(SPACE, samples=4)
    config = base.model_copy(update={"start": (base.parsed_space().values_of(base.base),)})
    found = SearchProgress(write_search(toy_category(tmp_path), "one", config, some_trials(config, 4)))
    assert "The best trial is 50.0% better on validation than the default settings (trial 1)." in found.notes()
    trials = [made_trial(config, 1, config.start[0], [0.1], "stopped"), *some_trials(config, 4)[1:]]
    stopped = SearchProgress(write_search(toy_category(tmp_path), "two", config, trials))
    assert any("(trial 1, stopped after 1 of 9 epochs)" in note for note in stopped.notes())
    assert found.notes()[-1] == (
        "No model has been trained with the best settings; train them with: `resumed_search(name='toys/one')`"
    )
