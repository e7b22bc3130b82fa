"""Killed without warning, a command that is run again ends as if nothing had happened."""

import os
import random
import signal
import subprocess
import sys
from contextlib import suppress

import pytest
from support.processes import wait_for

TRAINING = (
    "train", "--category", "shop", "--features", "tfidf", "--epochs", "12", "--batch-size", "8",
    "--set", "model.dim=16", "--set", "training.patience=12", "--set", "training.checkpoint_seconds=0",
)  # fmt: skip


TRANSFORMER = (
    "train", "--category", "shop", "--model", "sasrec", "--negatives", "8", "--epochs", "40", "--batch-size", "8",
    "--set", "model.dim=16", "--set", "training.patience=40", "--set", "training.checkpoint_seconds=0",
)  # fmt: skip


def kill_after_progress(shop, arguments, watched, changes):
    """Start a command, kill it when a file has been seen to appear or change some times, and return its exit code."""
    process = subprocess.Popen(
        [sys.executable, "-m", "embrec", *arguments],
        cwd=shop.folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    seen = set(before := modified(watched))
    wait_for(lambda: len(seen.update(modified(watched)) or seen) >= len(before) + changes, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode


def modified(file):
    """When a file was written, a list of one; of none if it is not there."""
    with suppress(FileNotFoundError):
        return [file.stat().st_mtime_ns]
    return []


@pytest.mark.parametrize(
    ("source", "learn_from"),
    [
        ("content", "train"),
        pytest.param("hybrid", "train", marks=pytest.mark.slow),
        pytest.param("content", "train+validation", marks=pytest.mark.slow),
    ],
)
def test_a_training_killed_three_times_ends_with_the_same_weights_and_metrics(shop, source, learn_from):
    whole, killed = (f"{name}-{source}-{learn_from.replace('+', '-')}" for name in ("whole", "killed"))
    training = (*TRAINING, "--source", source, "--set", f"training.learn_from={learn_from}")
    shop.embrec(*training, "--run", whole)
    checkpoint = shop.run_folder(killed) / "trainer.pt"
    for changes in (1, 5, 3):
        code = kill_after_progress(shop, [*training, "--run", killed], checkpoint, changes)
        assert code == -signal.SIGKILL
        assert not (shop.run_folder(killed) / "metrics.json").exists()
        result = shop.embrec("evaluate", f"shop/{killed}", check=False)
        assert result.returncode == 2
        assert "is not finished" in result.stderr
    shop.embrec(*training, "--run", killed)
    assert shop.metrics(killed) == shop.metrics(whole)
    for file in ("model.safetensors", "items.safetensors"):
        assert (shop.run_folder(killed) / file).read_bytes() == (shop.run_folder(whole) / file).read_bytes()
    lines = (shop.run_folder(killed) / "events.jsonl").read_text().splitlines()
    assert len(lines) == 12


@pytest.mark.slow
def test_a_transformer_killed_ten_times_ends_with_the_same_weights_and_metrics(shop):
    shop.embrec(*TRANSFORMER, "--run", "whole-sasrec")
    generator = random.Random(0)
    checkpoint = shop.run_folder("killed-sasrec") / "trainer.pt"
    for _ in range(10):
        arguments = [*TRANSFORMER, "--run", "killed-sasrec"]
        assert kill_after_progress(shop, arguments, checkpoint, generator.randint(1, 5)) == -signal.SIGKILL
    assert not (shop.run_folder("killed-sasrec") / "metrics.json").exists()
    shop.embrec(*TRANSFORMER, "--run", "killed-sasrec")
    assert shop.metrics("killed-sasrec") == shop.metrics("whole-sasrec")
    for file in ("model.safetensors", "items.safetensors"):
        contents = [(shop.run_folder(f"{run}-sasrec") / file).read_bytes() for run in ("killed", "whole")]
        assert contents[0] == contents[1]
    assert len((shop.run_folder("killed-sasrec") / "events.jsonl").read_text().splitlines()) == 40
