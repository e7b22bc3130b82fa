"""The parts of a search that run on Ray, tested without a cluster."""

import errno
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from support.categories import N_ITEMS, toy_category
from support.logs import toy_log
from support.searches import search_config

from embrec.data.store import Dataset, load_dataset, save_dataset
from embrec.errors import ConfigError, DivergedError, MissingExtraError, RunError, StorageError
from embrec.runs.presets import build_config
from embrec.tuning.config import Halving, SearchConfig
from embrec.tuning.folder import SearchFolder
from embrec.tuning.resources import Resources
from embrec.tuning.search import prepare, tune
from embrec.tuning.trial import TrialTraining
from embrec.tuning.trial_queue import TrialQueue

pytest.importorskip("ray", reason="the extra 'ray' is not installed")
pytest.importorskip("hyperopt", reason="the extra 'tune' is not installed")
from embrec.tuning import callbacks as hooks
from embrec.tuning import on_ray

SPACE = {"model.dropout": {"uniform": [0, 0.5]}}
TRIALS, EPOCHS = 8, 9


def trial_queue(path):
    config = search_config(SPACE, samples=TRIALS, epochs=EPOCHS, halving=Halving(grace=1, reduction=2))
    folder = SearchFolder(path / "toys" / "searches" / "one")
    folder.begin(config, "data")
    return TrialQueue(folder, config, folder.log())


def value(number, epoch):
    return float(np.random.default_rng([number, epoch]).normal(number % 4, 1) + epoch / 3)


def run_search(path, steps, every=1):
    """Run a search of made-up trials, two at a time, until so many epochs are over; as Tune does, tell, then stop.

    Of `every` epochs one is validated; the others have the best value of those before them, as in a step of a trial.
    """
    from ray.tune import schedulers

    search = trial_queue(path)
    scheduler = hooks.scheduler(schedulers.ASHAScheduler, search, search.config.halving)
    running, done = [], 0
    while done < steps:
        while len(running) < 2 and (trial := search.next()) is not None:
            running.append(SimpleNamespace(config={"number": trial.number}, best=-np.inf, epoch=0))
            known = search.log.trials[trial.number].epochs
            running[-1].epoch = len(known)
            running[-1].best = max([record.get("valid hr@10", -np.inf) for record in known], default=-np.inf)
            scheduler.on_trial_add(None, running[-1])
        if not running:
            break
        one = running.pop(0)
        number, one.epoch = one.config["number"], one.epoch + 1
        valid = {} if one.epoch % every and one.epoch < EPOCHS else {"valid hr@10": value(number, one.epoch)}
        one.best = max(one.best, *valid.values(), -np.inf)
        gain = {} if one.best == -np.inf else {"gain": one.best}
        decision = scheduler.on_trial_result(None, one, {"epoch": one.epoch, **gain})
        search.log.epoch(number, {"epoch": one.epoch, **valid, "seconds": 1.0}, "here")
        done += 1
        if done == steps:
            break  # killed before anybody could act on the decision
        if one.epoch == EPOCHS:
            search.end(number, "finished")
        elif decision == "STOP":
            search.end(number, "stopped")
        else:
            running.append(one)
    return {number: (trial.status, len(trial.epochs)) for number, trial in search.log.trials.items()}


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8, 13, 21])
@pytest.mark.parametrize("every", [1, 3])
def test_halving_decides_after_an_interruption_as_it_would_have(tmp_path, steps, every):
    whole = run_search(tmp_path / "whole", 10_000, every)
    assert {status for status, _ in whole.values()} == {"finished", "stopped"}
    run_search(tmp_path / "cut", steps, every)
    assert run_search(tmp_path / "cut", 10_000, every) == whole


def listener(tmp_path):
    search = trial_queue(tmp_path)
    state = on_ray.SearchState(search.config, search.log.trials)
    ray = SimpleNamespace(exceptions=SimpleNamespace(RayError=ConnectionError))
    tuning = on_ray._Tuning(ray, search, state, None, {"CPU": 1}, Resources(), lambda _: None)
    search.next()
    return tuning, search.log


def test_a_trial_that_failed_is_kept_with_its_error(tmp_path):
    tuning, log = listener(tmp_path)
    tuning.ended(1, {"error": "the loss is nan", "over": False})
    assert (log.trials[1].status, log.trials[1].error) == ("failed", "the loss is nan")


def test_a_trial_whose_processes_died_is_kept_with_what_is_known(tmp_path):
    tuning, log = listener(tmp_path)
    tuning.died(1, ConnectionError("a long story of Ray's"))
    assert log.trials[1].error == "its process died 3 times: killed, out of memory, or its machine is gone"
    tuning, log = listener(tmp_path / "other")
    tuning.died(1, ValueError("Traceback\n  somewhere\nValueError: what it was"))
    assert log.trials[1].error.endswith("ValueError: what it was")


def test_a_full_disk_ends_the_search_and_blames_no_trial(tmp_path):
    tuning, log = listener(tmp_path)
    tuning.ended(1, {"error": "cannot write 1.pt (No space left on device)", "fatal": True})
    assert log.trials[1].status == "begun"
    with pytest.raises(on_ray._StopError):
        tuning.check_cancelled()
    assert "No space left" in str(tuning.problem)


def test_a_log_that_cannot_be_written_is_said_as_it_is(tmp_path):
    tuning, log = listener(tmp_path)
    log.path.unlink()
    log.path.mkdir()
    with pytest.raises(StorageError):
        tuning.reported(1, {"error": "", "record": {"epoch": 1, "seconds": 1.0}, "machine": "here", "over": False})
    assert "make room and resume the search" in str(tuning.problem)
    assert tuning.cancelled.is_set()


def test_a_trial_that_ends_with_the_search_has_not_failed(tmp_path):
    tuning, log = listener(tmp_path)
    tuning.cancelled.set()
    tuning.died(1, ConnectionError("gone"))
    assert log.trials[1].status == "begun"


def test_a_trial_that_is_lost_from_the_log_is_made_up_for(tmp_path):
    search = trial_queue(tmp_path)
    for _ in range(3):
        search.next()
    lines = search.log.path.read_text().splitlines(keepends=True)
    search.log.path.write_text("".join([lines[0], lines[2]]))  # as the message on a damaged line says
    search = trial_queue(tmp_path)
    assert search.left == TRIALS
    numbers = [search.next().number for _ in range(TRIALS)]
    assert numbers == [1, 3, 2, *range(4, TRIALS + 1)]
    assert search.next() is None


def test_trials_take_processors_or_a_share_of_a_gpu():
    assert Resources(threads=2).of_each(8, 0, "here") == {"CPU": 2}
    assert Resources(per_gpu=4).of_each(8, 1, "here") == {"CPU": 1, "GPU": 0.25}
    assert Resources(device="cpu").of_each(8, 1, "here") == {"CPU": 1}
    with pytest.raises(ConfigError, match="`device='cuda'`, but here has no GPU"):
        Resources(device="cuda").of_each(8, 0, "here")
    with pytest.raises(ConfigError, match="`threads=9`, but here has only 8 processors"):
        Resources(threads=9).of_each(8, 0, "here")
    with pytest.raises(ConfigError, match="`concurrent` is 0"):
        Resources(concurrent=0)
    with pytest.raises(ConfigError, match="`device='mps'` cannot be shared out"):
        Resources(device="mps")


def test_more_trials_than_processors_are_said_to_slow_each_other_down(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 5, 7})
    assert Resources(concurrent=3).notes() == []
    assert Resources(concurrent=4, address="there:6379").notes() == []
    assert (
        Resources(threads=4).notes() == Resources(concurrent=2, threads=4).notes() == []
    )  # no room at all is an error
    assert Resources(concurrent=4).notes() == ["4 trials at once on 3 processors slow each other down; 3 would fit"]
    (note,) = Resources(concurrent=2, threads=2).notes()
    assert note == "2 trials at once of 2 threads each on 3 processors slow each other down; 1 would fit"


def test_a_search_takes_no_more_processors_than_it_may_use(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 5, 7})
    assert Resources().here[0] == 3
    assert Resources(concurrent=4).here[0] == 4  # as asked for


@pytest.mark.parametrize(
    ("error", "fatal"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (StorageError("cannot write 1.pt"), True),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), False),
        (MemoryError("no memory"), False),
        (RunError("the loss is nan"), False),
        (DivergedError("the loss is nan", "; start over with `force=True`"), False),
    ],
)
def test_what_ends_a_trial_and_what_the_search(monkeypatch, error, fatal):
    def step(_):
        raise error

    kind = on_ray._trainable(object)
    monkeypatch.setattr(kind, "_step", step)
    trial = kind()
    trial.machine, trial.common = "here", {"device": "cpu"}
    result = trial.step()
    assert (result["fatal"], result["done"], result["over"]) == (fatal, True, False)
    assert str(error).partition(";")[0] in result["error"]
    assert "force" not in result["error"]  # a trial cannot be started over by it


def test_no_trial_is_spread_over_two_machines():
    machines = [{"CPU": 2.0}, {"CPU": 3.0, "memory": 1e9}]
    assert Resources(threads=2).room(machines, "there") == ({"CPU": 2}, 2)
    with pytest.raises(ConfigError, match="`threads=4`, but the largest machine of there has only 3 processors"):
        Resources(threads=4).room(machines, "there")
    mixed = [{"CPU": 64.0}, {"CPU": 200.0, "GPU": 2.0}]
    assert Resources(per_gpu=93).room(mixed, "there") == ({"CPU": 1, "GPU": 1 / 93}, 186)
    with pytest.raises(ConfigError, match="the largest machine of there has only 8 processors"):
        Resources(threads=9).room([{"CPU": 64.0}, {"CPU": 8.0, "GPU": 2.0}], "there")


def toy_search(**options):
    base = build_config("toys", options={"model.source": "id", "training.epochs": 2, **options})
    return SearchConfig(base=base, space=SPACE, samples=2)


def test_without_ray_the_message_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"`tune\(\)` needs .* pip install 'embrec\[ray\]'"):
        tune(toy_category(tmp_path), toy_search(), "one")


def test_no_cluster_at_the_address_is_said_in_one_line(tmp_path):
    with pytest.raises(ConfigError, match="no Ray cluster at localhost:1 "):
        tune(toy_category(tmp_path), toy_search(), "one", resources=Resources(address="localhost:1"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"training.select_by": "ndgc@10"}, "unknown metric 'ndgc@10'"),
        ({"training.select_by": "hr@99"}, "the objective is 'hr@99', but there are only 40 items"),
    ],
)
def test_an_objective_that_is_not_computed_is_refused(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        prepare(toy_category(tmp_path), toy_search(**options))


def test_more_negatives_than_items_are_refused_before_any_trial(tmp_path):
    category = toy_category(tmp_path)
    with pytest.raises(ConfigError, match=r"training.negatives.count is 99, but there are only 40"):
        prepare(category, toy_search(**{"training.loss": "bpr", "training.negatives.count": 99}))
    config = toy_search(**{"training.loss": "bpr", "training.negatives.count": 99})
    varied = {"training.negatives": {"choice": ["all", {"integer": [10, 40]}]}}
    prepare(category, config.model_copy(update={"space": varied}))
    varied = {"training.negatives": {"choice": ["all", {"integer": [10, 50]}]}}
    with pytest.raises(ConfigError, match=r"space, training.negatives: training.negatives.count is 50, but"):
        prepare(category, config.model_copy(update={"space": varied}))


def test_a_checkpoint_that_cannot_be_read_costs_its_epochs_and_no_more(tmp_path):
    config, shared = prepare(toy_category(tmp_path), toy_search())
    settings = config.parsed_space().values_of(config.base)
    whole = TrialTraining(shared, settings, tmp_path / "whole.pt")
    first = whole.step()
    (tmp_path / "broken.pt").write_bytes(b"no checkpoint")
    again = TrialTraining(shared, settings, tmp_path / "broken.pt", reported=0).step()
    assert {**again, "seconds": 0} == {**first, "seconds": 0}


def test_a_base_that_does_not_validate_is_refused():
    with pytest.raises(ValueError, match="trials are compared by validation"):
        toy_search(**{"training.learn_from": "train+validation"})


def test_a_search_that_was_begun_with_other_data_is_not_gone_on_with(tmp_path):
    category = toy_category(tmp_path)
    config, shared = prepare(category, toy_search())
    folder = SearchFolder(category.searches / "one")
    folder.begin(config, shared.fingerprint)
    folder.log().begin(1, {}, {})
    save_dataset(category, Dataset(load_dataset(category).catalog, toy_log(70, N_ITEMS)))
    with pytest.raises(RunError, match="was begun with other data or feature tables"):
        tune(category, toy_search(), "one")
