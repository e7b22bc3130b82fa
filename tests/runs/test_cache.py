"""Evaluations are computed once for what they depend on, and again for anything else."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.categories import toy_category, toy_run
from support.standings import standing_at

from embrec.data.interactions import Interactions
from embrec.data.splits import LeaveOneOut
from embrec.data.store import Dataset, load_dataset, save_dataset
from embrec.evaluation.evaluator import Evaluation, EvaluationConfig
from embrec.runs.belonging import common_ground
from embrec.runs.cache import cached_evaluation as cached_evaluation_of_log
from embrec.runs.cache import load_evaluation, save_evaluation
from embrec.runs.evaluate import evaluate_runs
from embrec.runs.folder import RunFolder

CONFIG = EvaluationConfig()


def cached_evaluation(*arguments, log=b"a log", **options):
    return cached_evaluation_of_log(*arguments, log=log, **options)


def some_evaluation(seed=0, keep=0):
    generator = np.random.default_rng(seed)
    top = generator.integers(1, 9, (5, keep)).astype(np.int32) if keep else None
    labels = generator.integers(0, 3, 5).astype(np.int8)
    return Evaluation(standing_at(generator.integers(0, 50, 5)), np.arange(5), np.arange(5) * 7, labels, top=top)


class Computing:
    """Makes evaluations, and counts them."""

    def __init__(self, keep=0):
        self.times, self.keep = 0, keep

    def __call__(self):
        self.times += 1
        return some_evaluation(self.times, self.keep)


@pytest.fixture
def run(tmp_path):
    """What `cached_evaluation` reads of a finished run."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    (folder.path / "fingerprint").write_text("a fingerprint")
    folder.weights.write_bytes(b"some weights")
    return folder


def same(one, other):
    return all(
        (getattr(one.standing, name) == getattr(other.standing, name)).all() for name in ("greater", "candidates")
    )


@pytest.mark.parametrize("keep", [0, 3])
def test_what_is_read_is_what_was_written(tmp_path, keep):
    written = replace(some_evaluation(keep=keep), ties="pessimistic")
    save_evaluation(tmp_path / "one", written)
    read = load_evaluation(tmp_path / "one")
    assert same(read, written)
    assert read.ties == "pessimistic"
    for name in ("user", "event", "label", "top"):
        one, other = getattr(read, name), getattr(written, name)
        assert (one is None and other is None) or ((one == other).all() and one.dtype == other.dtype)


def test_what_was_computed_is_not_computed_again(run):
    compute = Computing()
    first = cached_evaluation(run, CONFIG, 0, compute)
    assert same(cached_evaluation(run, CONFIG, 0, compute), first)
    assert compute.times == 1


def test_metrics_ties_and_the_size_of_batches_change_no_rank_that_is_kept(run):
    compute = Computing()
    cached_evaluation(run, CONFIG, 0, compute)
    other = EvaluationConfig(metrics=("hr@3",), ties="optimistic", batch_size=7)
    assert cached_evaluation(run, other, 0, compute).ties == "optimistic"
    assert compute.times == 1


def test_another_protocol_or_longer_lists_are_computed(run):
    compute = Computing()
    cached_evaluation(run, CONFIG, 0, compute)
    cached_evaluation(run, EvaluationConfig(seen="keep"), 0, compute)
    cached_evaluation(run, EvaluationConfig(candidates="sampled:count=5"), 0, compute)
    assert compute.times == 3
    compute.keep = 5
    assert cached_evaluation(run, CONFIG, 5, compute).top.shape == (5, 5)
    assert cached_evaluation(run, CONFIG, 3, compute).top.shape == (5, 5)  # longer ones serve too
    assert compute.times == 4


def test_another_log_or_a_retrained_model_is_computed(run):
    compute = Computing()
    cached_evaluation(run, CONFIG, 0, compute)
    run.weights.write_bytes(b"other weights")
    cached_evaluation(run, CONFIG, 0, compute)
    (run.path / "fingerprint").write_text("another fingerprint")
    cached_evaluation(run, CONFIG, 0, compute)
    cached_evaluation(run, CONFIG, 0, compute, log=b"another log")
    assert compute.times == 4


@pytest.mark.parametrize("damage", ["empty", "half", "no header", "no ranks"])
def test_a_damaged_file_is_computed_again(run, damage):
    compute = Computing()
    cached_evaluation(run, CONFIG, 0, compute)
    (file,) = (run.path / "evaluations").iterdir()
    whole = file.read_bytes()
    if damage == "no header":
        save_file(load_file(file), file)
    elif damage == "no ranks":
        save_file({"user": np.arange(5)}, file, {"ties": "mean"})
    else:
        file.write_bytes(whole[: 0 if damage == "empty" else len(whole) // 2])
    second = cached_evaluation(run, CONFIG, 0, compute)
    assert compute.times == 2
    assert same(cached_evaluation(run, CONFIG, 0, compute), second)
    assert compute.times == 2


def test_a_folder_that_cannot_be_written_costs_time_only(run):
    (run.path / "evaluations").write_text("in the way")
    compute = Computing()
    for _ in range(2):
        assert len(cached_evaluation(run, CONFIG, 0, compute)) == 5
    assert compute.times == 2


@pytest.fixture
def trained(tmp_path):
    """A run of 40 items and 60 users."""
    return toy_run(toy_category(tmp_path / "workspace"), LeaveOneOut())


def test_runs_are_ranked_once_and_again_when_the_log_is_another(trained):
    first = evaluate_runs([trained])["one"]
    (file,) = (trained.path / "evaluations").iterdir()
    written = file.stat().st_mtime_ns
    assert same(evaluate_runs([trained])["one"], first)
    assert file.stat().st_mtime_ns == written
    dataset = load_dataset(trained.category)
    log = dataset.interactions
    fewer = log.user < 50  # imported again with other filters: the same items, other users
    shorter = Interactions(log.user_ids[:50], log.user[fewer], log.item[fewer], log.time[fewer])
    save_dataset(trained.category, Dataset(dataset.catalog, shorter))
    again = evaluate_runs([trained], ground=common_ground([trained], other_log=True))["one"]
    assert len(again) == 50
    assert (again.event == shorter.user_ptr[1:] - 1).all()
