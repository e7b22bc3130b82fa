"""Training with workers as a user does: the same result, a clear end, and nothing left of it."""

import json
import os
import signal
import subprocess
import sys
from functools import partial

import pytest
from support.processes import kill_one, wait_for, wait_until_gone

pytest.importorskip("ray", reason="the extra 'ray' is not installed")
psutil = pytest.importorskip("psutil", reason="psutil is not installed")
from support.clusters import running_cluster  # noqa: E402 (needs psutil)

TRAINING = ("train", "--category", "shop", "--features", "tfidf", "--batch-size", 8, "--set", "model.dim=16")
LONG = (*TRAINING, "--epochs", 30, "--set", "training.patience=30", "--set", "training.checkpoint_seconds=0")


def losses(shop, run):
    lines = (shop.run_folder(run) / "events.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


def end_after_a_checkpoint(shop, run, end):
    """Begin a training with two workers, end it by `end(process)`; return exit code and standard error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "embrec", *map(str, LONG), "--run", run, "--workers", "2"],
        cwd=shop.folder, env=os.environ | {"OMP_NUM_THREADS": "1"}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    checkpoint = shop.run_folder(run) / "trainer.pt"
    wait_for(checkpoint.exists, process)
    descendants = psutil.Process(process.pid).children(recursive=True)
    end(process)
    output, errors = process.communicate(timeout=300)
    assert output == ""
    assert not wait_until_gone([descendant.pid for descendant in descendants])
    assert not (shop.run_folder(run) / "metrics.json").exists()
    return process.returncode, errors


def test_two_workers_learn_what_one_does(shop):
    options = ("--epochs", 2, "--set", "model.dropout=0")
    shop.embrec(*TRAINING, *options, "--run", "alone")
    result = shop.embrec(*TRAINING, *options, "--run", "shared", "--workers", 2)
    assert losses(shop, "shared") == pytest.approx(losses(shop, "alone"), rel=1e-4)
    alone, shared = shop.metrics("alone"), shop.metrics("shared")
    assert shared["test"]["all"] == pytest.approx(alone["test"]["all"], abs=0.01)
    said = [line.partition(":")[0] for line in result.stderr.splitlines()]
    said = [
        what for what in said if what not in ("note", "as reported before (in full", "checked for leaks, nothing found")
    ]
    assert said == ["start workers", "validate", "epoch 1/2", "epoch 2/2", "test", said[-2], "run"]
    assert (shop.run_folder("shared") / "tensorboard").is_dir()


def test_a_killed_worker_ends_the_training_and_another_number_of_workers_goes_on(shop):
    code, errors = end_after_a_checkpoint(shop, "shrunk", partial(kill_one, "RayTrainWorker"))
    assert code == 2
    assert errors.splitlines()[-1].startswith("error: worker ")
    assert "train again: it goes on from the last checkpoint" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    before = losses(shop, "shrunk") if (shop.run_folder("shrunk") / "events.jsonl").exists() else []
    shop.embrec(*LONG, "--run", "shrunk", "--workers", 1)
    assert len(losses(shop, "shrunk")) == 30
    assert losses(shop, "shrunk")[: len(before)] == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda process: os.killpg(process.pid, signal.SIGINT), 130),
        (lambda process: process.terminate(), 128 + signal.SIGTERM),
    ],
)
def test_an_interrupted_training_leaves_no_process(shop, end, code):
    returned, errors = end_after_a_checkpoint(shop, f"ended-{code}", end)
    assert returned == code
    assert "Traceback" not in errors
    assert "***" not in errors


@pytest.mark.slow
def test_workers_train_against_drawn_negatives_and_stop_at_a_loss_that_is_no_number(shop):
    shop.embrec(*TRAINING, "--epochs", 2, "--negatives", 8, "--run", "drawn", "--workers", 2)
    assert losses(shop, "drawn")[1] < losses(shop, "drawn")[0]
    result = shop.embrec(*TRAINING, "--learning-rate", 1e30, "--run", "nan", "--workers", 2, check=False)
    assert result.returncode == 2
    assert "error: the loss is" in result.stderr.splitlines()[-1]


@pytest.mark.slow
def test_a_cluster_of_two_machines_learns_what_one_process_does(shop, tmp_path):
    options = (*TRAINING, "--epochs", 2, "--set", "model.dropout=0")
    shop.embrec(*options, "--run", "here")
    with running_cluster(tmp_path / "home", machines=2) as (address, environment):
        result = subprocess.run(
            [sys.executable, "-m", "embrec", *map(str, options), "--run", "there", "--workers", "2", "--address", address],
            cwd=shop.folder, env=environment, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        result = subprocess.run(
            [sys.executable, "-m", "embrec", *map(str, options), "--run", "many", "--workers", "9", "--address", address],
            cwd=shop.folder, env=environment, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        assert f"error: 9 workers need a processor each, and {address} has 4" in result.stderr
    assert losses(shop, "there") == pytest.approx(losses(shop, "here"), rel=1e-4)
