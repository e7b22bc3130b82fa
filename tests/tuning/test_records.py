"""The log of a search, from which it resumes, and the folder of the search."""

import json

import pytest

from embrec.errors import RunError
from embrec.runs.presets import build_config
from embrec.tuning.config import Halving, SearchConfig
from embrec.tuning.folder import SearchFolder, locate_search
from embrec.tuning.records import TrialLog, best_trial
from embrec.workspace import Workspace


def epoch(number, value, seconds=1.0):
    return {"epoch": number, "loss": 1.0, "valid auc": value, "seconds": seconds}


def filled(path):
    log = TrialLog(path)
    log.log_session(at=1.0, slots=2)
    for number in (1, 2, 3):
        log.begin(number, {"x": 0.5}, {"x": 0.5, "features": ("a", "b")})
    log.epoch(1, epoch(1, 0.6), "here")
    log.epoch(1, epoch(2, 0.7), "here")
    log.epoch(1, epoch(3, 0.65), "here")
    log.epoch(2, epoch(1, 0.8), "there")
    log.end(1, "finished")
    log.end(2, "failed", "the loss is nan")
    return log


def test_a_log_read_again_says_the_same(tmp_path):
    log = filled(tmp_path / "trials.jsonl")
    again = TrialLog(tmp_path / "trials.jsonl")
    assert again.trials == log.trials
    assert again.sessions == [{"at": 1.0, "slots": 2}]
    assert again.trials[1].best("auc", 1) == (2, 0.7)
    assert again.trials[1].best("auc", -1) == (1, 0.6)
    assert again.trials[2].error == "the loss is nan"
    assert [trial.ended for trial in again.trials.values()] == [True, True, False]


def test_failed_trials_do_not_win(tmp_path):
    trials = filled(tmp_path / "trials.jsonl").trials
    assert best_trial(trials, "auc", 1).number == 1
    assert best_trial({2: trials[2], 3: trials[3]}, "auc", 1) is None


def test_an_epoch_told_twice_is_kept_once(tmp_path):
    log = filled(tmp_path / "trials.jsonl")
    log.epoch(1, epoch(2, 0.9), "there")
    assert log.trials[1].values("auc") == [(1, 0.6), (2, 0.7), (3, 0.65)]
    assert TrialLog(tmp_path / "trials.jsonl").trials == log.trials


def test_every_cut_of_the_log_can_be_read_and_gone_on_with(tmp_path):
    path = tmp_path / "trials.jsonl"
    filled(path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 3):
        path.write_bytes(whole[:size])
        log = TrialLog(path)
        number = len(log.trials) + 1
        log.begin(number, {}, {})
        assert list(TrialLog(path).trials) == list(range(1, number + 1))
        for line in path.read_text().splitlines():
            json.loads(line)


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "trials.jsonl"
    filled(path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0], "what?\n", *lines[1:]]))
    with pytest.raises(RunError, match=r"trials.jsonl, line 2 is damaged"):
        TrialLog(path)


def search_config(**changes):
    base = build_config("shop", options={"model.source": "id", "training.epochs": 9})
    return SearchConfig(base=base, space={"model.dropout": {"uniform": [0, 0.5]}}, **changes)


def test_a_search_is_begun_once_and_its_trials_may_become_more(tmp_path):
    folder = SearchFolder(tmp_path / "shop" / "searches" / "one")
    folder.begin(search_config(), "data")
    filled(folder.log_file)
    folder.begin(search_config(samples=99), "data")
    assert folder.config().samples == 99
    with pytest.raises(RunError, match=r"begun with space.model.dropout = .*0.5.*, now it is .*0.4"):
        folder.begin(search_config().model_copy(update={"space": {"model.dropout": {"uniform": [0.0, 0.4]}}}), "data")
    with pytest.raises(RunError, match=r"begun with seed = 0, now it is 1; .* another `name`"):
        folder.begin(search_config(seed=1), "data")
    with pytest.raises(RunError, match="other data or feature tables"):
        folder.begin(search_config(), "other data")
    with pytest.raises(RunError, match=r"has 3 trials already, and `samples=2` is of all; give 3 or more"):
        folder.begin(search_config(samples=2), "data")
    assert folder.config() == search_config(samples=99, random_first=search_config().random_trials)
    base = build_config("shop", options={"model.source": "id", "training.epochs": 9, "training.device": "cpu"})
    folder.begin(search_config().model_copy(update={"base": base}), "data")  # on another machine, another device
    assert folder.config().base.training.device == "cpu"


def test_more_trials_do_not_change_how_many_are_drawn_by_chance(tmp_path):
    folder = SearchFolder(tmp_path / "shop" / "searches" / "one")
    assert folder.begin(search_config(samples=10), "data").random_first == 5
    filled(folder.log_file)
    assert folder.begin(search_config(samples=100), "data").random_first == 5


def test_a_trial_that_is_over_is_so_after_a_crash_too(tmp_path):
    log = TrialLog(tmp_path / "trials.jsonl")
    log.begin(1, {}, {})
    log.epoch(1, epoch(1, 0.5), "here", over=True)
    assert TrialLog(tmp_path / "trials.jsonl").trials[1].over


def test_a_search_without_trials_yet_may_become_another(tmp_path):
    folder = SearchFolder(tmp_path / "shop" / "searches" / "one")
    folder.begin(search_config(), "data")
    folder.checkpoints.mkdir()
    folder.checkpoint(1).write_text("of a trial whose log was removed")
    folder.begin(search_config(seed=1), "other")
    assert not folder.checkpoints.exists()
    assert (folder.config().seed, folder.fingerprint()) == (1, "other")


def test_two_processes_cannot_run_one_search(tmp_path):
    folder = SearchFolder(tmp_path / "shop" / "searches" / "one")
    with folder.lock(), pytest.raises(RunError, match="shop/one is running in another process"), folder.lock():
        pass


def test_searches_are_found_by_name(tmp_path):
    for category, name in (("shop", "one"), ("shop", "two"), ("toys", "two")):
        SearchFolder(tmp_path / category / "searches" / name).begin(search_config(), "data")
    workspace = Workspace(tmp_path)
    assert locate_search("one", workspace).category.name == "shop"
    assert locate_search("toys/two", workspace).category.name == "toys"
    with pytest.raises(RunError, match="stands in several categories; say which: shop/two, toys/two"):
        locate_search("two", workspace)
    with pytest.raises(RunError, match=r"no search 'three' .*\(there: shop/one, shop/two, toys/two\)"):
        locate_search("three", workspace)


def test_trials_are_compared_after_ever_longer_times():
    assert search_config().rungs() == [3]
    assert search_config(halving=Halving(grace=1)).rungs() == [1, 3]
    assert search_config(halving=Halving(grace=2, reduction=2)).rungs() == [2, 4, 8]
    assert search_config(halving=None).rungs() == []


def test_a_small_search_is_not_all_chance():
    assert [search_config(samples=samples).random_trials for samples in (4, 24, 100)] == [5, 6, 20]
    assert search_config(random_first=3).random_trials == 3


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="grace is 10 epochs, but a trial has only 9"):
        search_config(halving=Halving(grace=10))
    with pytest.raises(ValueError, match="samples"):
        search_config(samples=0)
