"""Which runs are one model, and what the model is called."""

import pytest
from support.categories import toy_config

from embrec.comparisons.seeds import same_but_for_seed
from embrec.runs.folder import RunFolder


@pytest.fixture
def run_of(tmp_path):
    """Return a function that makes a run of a seed and a size."""

    def make(name: str, seed: int = 0, dim: int = 8) -> RunFolder:
        run = RunFolder(tmp_path / "runs" / name)
        run.path.mkdir(parents=True)
        config = toy_config()
        model, training = (
            config.model.model_copy(update={"dim": dim}),
            config.training.model_copy(update={"seed": seed}),
        )
        run.write_config(config.model_copy(update={"model": model, "training": training}))
        return run

    return make


def names(runs):
    return {name: [run.name for run in group] for name, group in same_but_for_seed(runs).items()}


def test_seeds_are_one_model_under_the_name_they_share(run_of):
    runs = [run_of("loo-s0"), run_of("other", dim=16), run_of("loo-s1", 1), run_of("loo-s10", 10)]
    assert names(runs) == {"loo": ["loo-s0", "loo-s1", "loo-s10"], "other": ["other"]}


def test_a_single_run_keeps_its_name(run_of):
    assert names([run_of("loo-s0")]) == {"loo-s0": ["loo-s0"]}


def test_a_run_given_twice_counts_once(run_of):
    run = run_of("loo-s0")
    assert names([run, RunFolder(run.path.parent / "." / run.name)]) == {"loo-s0": ["loo-s0"]}


@pytest.mark.parametrize("order", [1, -1])
def test_no_model_takes_the_name_of_another(run_of, order):
    runs = [run_of("a-s0"), run_of("a-s1", 1), run_of("a", dim=16)][::order]
    assert sorted(names(runs).values()) == sorted([sorted(["a-s0", "a-s1"])[::order], ["a"]])
    assert set(names(runs)) in ({"a", "a-s0 and a-s1"}, {"a", "a-s1 and a-s0"})


def test_models_that_share_a_beginning_are_named_in_full(run_of):
    runs = [run_of("a-1"), run_of("a-2", 1), run_of("a-3", dim=16), run_of("a-4", 1, dim=16)]
    assert names(runs) == {"a-1 and a-2": ["a-1", "a-2"], "a-3 and a-4": ["a-3", "a-4"]}


def test_runs_that_share_no_name_are_named_in_full(run_of):
    assert names([run_of("first"), run_of("second", 1)]) == {"first and second": ["first", "second"]}
