"""`embrec tune`: what its options make of a search, and what a search that is resumed takes."""

import pytest
import yaml
from support.categories import SETTINGS, toy_category

from embrec.tuning.folder import SearchFolder

MODEL = ("--source", "id", *(word for setting in SETTINGS for word in ("--set", setting)))
SMALL = (*MODEL, "--device", "cpu", "--epochs", "2", "--samples", "2", "--grace", "1")


@pytest.fixture
def planned(run, tmp_path, monkeypatch):
    """Run `embrec tune` up to the search; return the plans and the resources, or the line of an error."""
    toy_category(tmp_path / "workspace")

    def planned(*arguments):
        found = []
        monkeypatch.setattr("embrec.cli.tune._search", lambda plans, resources: found.append((plans, resources)))
        code, _, errors = run("tune", *arguments)
        if code:
            return errors
        return found[0]

    return planned


def test_options_are_what_the_search_says(planned):
    plans, resources = planned(
        *MODEL, "--category", "toys", "--loss", "bpr", "--negatives", "16", "--split", "user-holdout:test=0.2",
        "--objective", "auc", "--samples", "7", "--epochs", "9", "--grace", "2", "--reduction", "4",
        "--algorithm", "random", "--no-start", "--seed", "5", "--seeds", "3,4", "--final-epochs", "11",
        "--final-on", "train+validation", "--concurrent", "2", "--threads", "1", "--per-gpu", "3", "--device", "cpu",
        "--name", "mine",
    )  # fmt: skip
    (plan,) = plans
    config = plan.config
    assert (plan.category.name, plan.name) == ("toys", "mine")
    assert (config.base.model.source, config.base.model.dim) == ("id", 8)
    assert (config.base.training.loss.name, config.base.training.negatives.count) == ("bpr", 16)
    assert config.base.split.kind == "user-holdout"
    assert (config.objective, config.samples, config.epochs, config.seed) == ("auc", 7, 9, 5)
    assert (config.halving.grace, config.halving.reduction, config.algorithm) == (2, 4, "random")
    assert config.start == ()
    assert (config.seeds, config.final_epochs, config.final_on) == ((3, 4), 11, "train+validation")
    assert vars(resources) == {"concurrent": 2, "threads": 1, "per_gpu": 3, "device": "cpu", "address": None}


def test_what_is_not_given_is_as_the_defaults_say(planned):
    plans, _ = planned(*MODEL)
    config = plans[0].config
    assert (config.samples, config.algorithm, config.seed, config.seeds) == (50, "tpe", 0, (0, 1, 2))
    assert config.base.split.kind == "leave-one-out"
    assert config.halving is not None
    assert config.start  # the configuration as it is
    assert planned(*MODEL, "--no-stop", "--seeds", "none")[0][0].config.halving is None
    assert planned(*MODEL, "--seeds", "none")[0][0].config.seeds == ()


def test_each_category_is_a_search(planned, tmp_path):
    other = toy_category(tmp_path / "workspace" / "more")
    other.path.rename(tmp_path / "workspace" / "tools")
    (tmp_path / "workspace" / "more").rmdir()
    plans, _ = planned(*MODEL, "--all")
    assert [plan.category.name for plan in plans] == ["tools", "toys"]
    plans, _ = planned(*MODEL, "--category", "toys")
    assert [plan.category.name for plan in plans] == ["toys"]


@pytest.fixture
def begun(planned, tmp_path):
    """A search that was begun, without a trial."""
    (plan,) = planned(*SMALL, "--name", "one")[0]
    folder = SearchFolder(plan.category.searches / "one")
    folder.path.mkdir(parents=True)
    folder.begin(plan.config, "the data")
    return folder


def test_a_resumed_search_is_as_it_was_with_what_is_changed(planned, begun):
    (plan,), _ = planned("--resume", "one", "--samples", "5", "--final-on", "train+validation", "--seeds", "7")
    config = plan.config
    assert (config.samples, config.final_on, config.seeds) == (5, "train+validation", (7,))
    assert (config.epochs, config.base.model.dim) == (2, 8)
    (plan,), _ = planned("--resume", "toys/one")
    assert plan.config.samples == 2


@pytest.mark.parametrize(
    ("option", "named"),
    [
        (("--set", "model.dim=3"), "--set"),
        (("--all",), "--all"),
        (("--loss", "bpr"), "--loss"),
        (("--no-stop",), "--no-stop"),
        (("--name", "two"), "--name"),
        (("--category", "toys"), "--category"),
        (("--split", "global-time"), "--split"),
        (("--reduction", "3"), "--reduction"),
    ],
)
def test_a_resumed_search_takes_nothing_that_would_make_it_another(planned, begun, option, named):
    assert planned("--resume", "one", *option) == (
        f"error: --resume goes on with a search as it was begun; leave out {named}, or begin another search with --name\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--concurrent", "0"), "--concurrent is 0; use 1 or more"),
        (("--per-gpu", "0"), "--per-gpu is 0; use 1 or more"),
        (("--device", "mps"), "--device mps cannot be shared out to trials"),
        (("--seeds", "0,x"), "seeds '0,x': 'x' is not a whole number"),
        (("--grace", "9", "--epochs", "3"), "lower --grace or raise --epochs"),
        (("--set", "training.learn_from=train+validation"), "set --final-on for the best model alone"),
        (("--space", "embrec-bprr"), "did you mean 'embrec-bpr'?"),
    ],
)
def test_a_mistake_is_one_line_with_the_options_of_the_command(planned, arguments, message):
    errors = planned(*MODEL, *arguments)
    assert message in errors
    assert len(errors.splitlines()) == 1


def test_a_space_file_that_searches_what_a_search_decides_is_told_its_option(planned, tmp_path):
    (tmp_path / "space.yaml").write_text(yaml.safe_dump({"vary": {"training.epochs": {"choice": [1, 2]}}}))
    assert "it is the budget of each trial (--epochs)" in planned(*MODEL, "--space", "space.yaml")


def test_show_says_how_to_go_on_with_a_search_that_is_not_complete(run, begun):
    code, printed, errors = run("tune", "show", "toys/one")
    assert (code, errors) == (0, "")
    assert "It is not complete; continue with: embrec tune --resume toys/one" in " ".join(printed.split())


def test_a_search_is_run_and_its_models_are_trained(run, tmp_path):
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    pytest.importorskip("hyperopt", reason="the extra 'tune' is not installed")
    category = toy_category(tmp_path / "workspace")
    code, printed, errors = run("tune", *SMALL, "--seeds", "0", "--concurrent", "1", "--name", "one")
    assert code == 0, errors
    assert "search: workspace/toys/searches/one\n" in errors
    assert len(SearchFolder(category.searches / "one").log().trials) == 2
    assert "Test targets, ranked once with the models of the best validation value" in printed
    shown = run("tune", "show", "one", "--output", "one.json")
    assert shown[0] == 0
    assert "Beside baselines: embrec compare runs." in " ".join(shown[1].split())
    assert (tmp_path / "one.json").is_file()
