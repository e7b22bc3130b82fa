"""Several processes train one model as one process would."""

import numpy as np
import pytest
import torch
from support.workers import make_trainer, train_in_processes, weights

from embrec.training.loop.shards import Shard

CPU = torch.device("cpu")


def test_the_parts_of_a_batch_are_the_batch():
    rows = np.arange(10, 17)
    shard = Shard(0, 1, CPU)
    assert shard.rows(rows)[0].tolist() == rows.tolist()
    parts = []
    for rank in range(3):
        shard.rank, shard.world = rank, 3
        own, counts = shard.rows(rows)
        assert counts
        parts.extend(own.tolist())
    assert sorted(parts) == rows.tolist()


def test_a_process_without_a_row_takes_one_that_does_not_count():
    shard = Shard(0, 1, CPU)
    shard.rank, shard.world = 2, 3
    own, counts = shard.rows(np.array([4, 5]))
    assert own.tolist() == [4]
    assert not counts


def test_processes_draw_apart_and_one_alone_draws_as_ever():
    shard = Shard(0, 1, CPU)
    assert shard.moment(3, 5) == (3, 5)
    shard.rank, shard.world = 1, 2
    assert shard.moment(3, 5) == (3, 5, 1)


def test_processes_that_do_not_know_each_other_are_refused():
    with pytest.raises(ValueError, match=r"needs torch\.distributed"):
        Shard(0, 2, CPU)
    with pytest.raises(ValueError, match="rank 2 is not one of 2"):
        Shard(2, 2, CPU)


REDUCTIONS = ("token-mean", "user-mean")
SHARED = {"epochs": 2, "batch_size": 4, "model": {"dropout": 0.0}}
DOUBLE = {"dtype": torch.float64}
DRAWN = {"epochs": 2, "batch_size": 2, "negatives": 5, "model": {"dropout": 0.3, "source": "hybrid"}}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What three processes came to, training by training."""
    folder = tmp_path_factory.mktemp("shared")
    trainings = {reduction: {**SHARED, "reduction": reduction} for reduction in REDUCTIONS}
    trainings |= {f"double {reduction}": {**SHARED, **DOUBLE, "reduction": reduction} for reduction in REDUCTIONS}
    trainings["whole"] = DRAWN
    trainings["killed"] = {**DRAWN, "checkpoint": folder / "trainer.pt", "kill_in": 1}
    trainings["resumed"] = {**DRAWN, "checkpoint": folder / "trainer.pt"}
    return dict(zip(trainings, train_in_processes(3, folder, list(trainings.values())), strict=True))


def losses(history):
    return [record["loss"] for record in history]


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_three_processes_learn_what_one_does(results, reduction):
    alone = make_trainer(**SHARED, reduction=reduction)
    state = alone.fit()
    assert min(map(len, alone.rows.epoch(0))) < 3  # so that some process has no row
    for result in results[reduction]:
        assert torch.allclose(result["weights"], weights(alone), atol=1e-4)
        assert losses(result["history"]) == pytest.approx(losses(state.history), abs=1e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_in_float64_three_processes_end_with_the_weights_of_one(results, reduction):
    alone = make_trainer(**SHARED, **DOUBLE, reduction=reduction)
    alone.fit()
    assert weights(alone).dtype == torch.float64
    # The steps' weights in the loss are float32, and three times a third is not one there; with two processes it is 1e-15.
    assert torch.allclose(results[f"double {reduction}"][0]["weights"], weights(alone), rtol=0, atol=1e-7)


def test_all_processes_end_with_the_same_weights_and_history(results):
    for training in (*REDUCTIONS, "whole", "resumed"):
        first, *others = results[training]
        for other in others:
            assert torch.equal(other["weights"], first["weights"])
            assert [record["valid ndcg@10"] for record in other["history"]] == [
                record["valid ndcg@10"] for record in first["history"]
            ]


def test_processes_that_were_killed_end_with_the_same_weights(results):
    assert all(result["killed"] for result in results["killed"])
    for result, whole in zip(results["resumed"], results["whole"], strict=True):
        assert torch.equal(result["weights"], whole["weights"])
        assert losses(result["history"]) == losses(whole["history"])
