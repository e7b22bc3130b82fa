"""Searches as a user runs them, on real Ray: what they leave behind, and what kills do not take away."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import yaml
from support.processes import kill_one, wait_for, wait_until_gone

pytest.importorskip("ray", reason="the extra 'ray' is not installed")
pytest.importorskip("hyperopt", reason="the extra 'tune' is not installed")
psutil = pytest.importorskip("psutil", reason="psutil is not installed")
from support.clusters import running_cluster  # noqa: E402 (needs psutil)

from embrec.tuning.records import TrialLog  # noqa: E402

MODEL = ("--source", "id", "--set", "model.dim=8", "--set", "model.units=8", "--set", "training.patience=99")
SEARCH = ("tune", "--category", "shop", *MODEL, "--epochs", 9, "--seeds", "none")
# Long enough to be killed in the middle.
LONG = (*SEARCH, "--set", "training.batch_size=2", "--grace", 1, "--reduction", 2)


def log(shop, name):
    return TrialLog(shop.folder / "workspace" / "shop" / "searches" / name / "trials.jsonl")


def values(shop, name):
    """What each trial was and became, without the time that it took."""
    return {
        number: (trial.settings, trial.status, [{**epoch, "seconds": 0} for epoch in trial.epochs])
        for number, trial in log(shop, name).trials.items()
    }


def begin(shop, *arguments, environment=None):
    return subprocess.Popen(
        [sys.executable, "-m", "embrec", *map(str, arguments)],
        cwd=shop.folder,
        env=environment or os.environ | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def epochs(shop, name):
    return sum(len(trial.epochs) for trial in log(shop, name).trials.values())


def wait_for_epochs(shop, name, wanted, process):
    wait_for(lambda: epochs(shop, name) >= wanted, process)


@pytest.fixture(scope="module")
def unhurt(shop):
    """A search that nothing happens to."""
    shop.embrec(*LONG, "--samples", 4, "--concurrent", 1, "--name", "unhurt")
    return values(shop, "unhurt")


def test_a_search_ends_with_the_best_models_trained_and_tested(shop, tmp_path):
    space = tmp_path / "space.yaml"
    # One rate of three ends every training: the loss stops being a number.
    space.write_text(
        "vary:\n  training.learning_rate: {choice: [1e-3, 1e-2, 1e30]}\n  model.dropout: {uniform: [0, 0.5]}\n"
        "start:\n  - {training.learning_rate: 1e30}\n"
    )
    search = (
        "tune", "--category", "shop", "--features", "tfidf", *MODEL[2:], "--epochs", 9, "--space", space, "--samples", 6,
        "--seeds", "0,1", "--name", "whole", "--concurrent", 2, "--grace", 1,
    )  # fmt: skip
    result = shop.embrec(*search, "--set", "training.batch_size=16")
    trials = log(shop, "whole").trials
    assert len(trials) == 6
    assert all(trial.ended for trial in trials.values())
    assert trials[1].settings["training.learning_rate"] == 1e-3  # the configuration as it is comes first
    assert trials[2].status == "failed"
    assert "at learning rate 1e+30" in trials[2].error
    assert any(trial.status == "stopped" and len(trial.epochs) < 9 for trial in trials.values())
    assert "trial 2 failed: " in result.stderr
    assert "Traceback" not in result.stderr
    best = max((t for t in trials.values() if t.status != "failed"), key=lambda t: t.best("ndcg@10", 1)[1])
    folder = shop.folder / "workspace" / "shop" / "searches" / "whole"
    told = yaml.safe_load((folder / "best.yaml").read_text())
    assert (told["trial"], told["valid ndcg@10"]) == (best.number, best.best("ndcg@10", 1)[1])
    runs = json.loads((folder / "result.json").read_text())["runs"]
    assert runs == {seed: f"whole-t{best.number}-s{seed}" for seed in ("0", "1")}
    for run in runs.values():
        config = yaml.safe_load((shop.run_folder(run) / "config.yaml").read_text())
        assert config["training"]["learning_rate"] == best.settings["training.learning_rate"]
        assert config["model"]["dropout"] == best.settings["model.dropout"]
        assert shop.metrics(run)["test"]["all"]["targets"] == 120
        assert (shop.run_folder(run) / "search").read_text() == "whole\n"
    # The first model has the seed of the trials: the same training again.
    assert shop.metrics(runs["0"])["valid"]["ndcg@10"] == pytest.approx(told["valid ndcg@10"], rel=1e-6)
    assert sorted(path.name for path in folder.iterdir()) == [
        "best.yaml",
        "data.json",
        "fingerprint",
        "report.html",
        "result.json",
        "search.yaml",
        "trials.jsonl",
    ]
    # Asked for again, nothing is done.
    before = (folder / "trials.jsonl").read_text()
    shop.embrec("tune", "--resume", "whole", "--seeds", "none")
    assert (folder / "trials.jsonl").read_text() == before
    refused = shop.embrec("tune", "--resume", "whole", "--space", "embrec-cross-entropy", check=False)
    assert refused.returncode == 2
    assert "was begun with space.training.learning_rate" in refused.stderr


def test_a_search_that_is_killed_and_given_more_trials_ends_as_if_it_had_been_begun_with_all(shop, unhurt):
    """First the process of its trial is killed, then the whole command."""
    process = begin(shop, *LONG, "--samples", 3, "--concurrent", 1, "--name", "hurt")
    wait_for_epochs(shop, "hurt", 3, process)
    kill_one("ray::ResourceTrainable", process)
    wait_for_epochs(shop, "hurt", 10, process)
    descendants = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not wait_until_gone([one.pid for one in descendants], seconds=60)
    done = {number for number, trial in log(shop, "hurt").trials.items() if trial.ended}
    assert done
    folder = shop.folder / "workspace" / "shop" / "searches" / "hurt"
    before = (folder / "trials.jsonl").read_text()
    (folder / "result.json").write_text("{}")
    shop.embrec("tune", "--resume", "hurt", "--samples", 4, "--seeds", "none", "--concurrent", 1)
    assert (folder / "trials.jsonl").read_text().startswith(before[: before.rindex("\n") + 1])
    assert not (folder / "result.json").exists()  # its models would be those of fewer trials
    assert values(shop, "hurt") == unhurt


@pytest.mark.slow
def test_an_interrupted_search_says_how_to_go_on_and_leaves_no_process(shop):
    process = begin(shop, *LONG, "--samples", 4, "--concurrent", 2, "--name", "interrupted")
    wait_for_epochs(shop, "interrupted", 2, process)
    descendants = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert errors.splitlines()[-1] == "interrupted; repeat the command to continue from here"
    assert not wait_until_gone([one.pid for one in descendants])
    assert not any(trial.ended and len(trial.epochs) == 0 for trial in log(shop, "interrupted").trials.values())


@pytest.mark.slow
def test_a_full_disk_ends_a_search_in_one_line_and_it_goes_on_later(shop, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a disk of its own cannot be mounted here")
    try:
        (disk / "shop").mkdir()
        shutil.copytree(shop.folder / "workspace" / "shop" / "data", disk / "shop" / "data")
        model = ("--source", "id", "--set", "training.batch_size=16")
        search = (
            "tune", *model, "--epochs", 4, "--samples", 3, "--seeds", "none", "--name", "full", "--workspace", disk,
        )  # fmt: skip
        result = shop.embrec(*search, check=False)
        assert result.returncode == 2
        assert result.stderr.splitlines()[-1].startswith("error: cannot write ")
        assert "Traceback" not in result.stderr
        subprocess.run(["mount", "-o", "remount,size=60m", disk], check=True)
        shop.embrec("tune", "--resume", "full", "--seeds", "none", "--workspace", disk)
        trials = TrialLog(disk / "shop" / "searches" / "full" / "trials.jsonl").trials
        assert [trial.status in ("finished", "stopped") for trial in trials.values()] == [True] * 3
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.slow
def test_two_machines_share_a_search_and_one_may_go(shop, tmp_path):
    search = ("tune", "--category", "shop", *MODEL, "--seeds", "none", "--set", "training.batch_size=2", "--no-stop")
    with running_cluster(tmp_path / "home", machines=2) as (address, environment):
        process = begin(
            shop, *search, "--epochs", 90, "--samples", 10, "--name", "shared", "--address", address,
            environment=environment | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        wait_for(lambda: len(machines(shop, "shared")) == 2, process)
        (second,) = [one for one in psutil.process_iter(["cmdline"]) if is_second_raylet(one, address)]
        second.kill()
        _, errors = process.communicate(timeout=400)
    assert process.returncode == 0, errors
    trials = log(shop, "shared").trials
    assert len(trials) == 10
    assert all(trial.status == "finished" for trial in trials.values())
    assert all([epoch["epoch"] for epoch in trial.epochs] == list(range(1, 91)) for trial in trials.values())


def machines(shop, name):
    return {trial.machine for trial in log(shop, name).trials.values() if trial.machine}


def is_second_raylet(process, address):
    words = process.info["cmdline"] or []
    port = address.rpartition(":")[2]
    joined = any(word.startswith("--gcs-address=") and word.endswith(f":{port}") for word in words)
    return joined and words[0].endswith("/raylet") and "--head" not in words
