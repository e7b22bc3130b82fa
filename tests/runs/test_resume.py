"""Whatever the recipe, a training that was killed ends with the weights of one that was not."""

import numpy as np
import pytest
import torch
from support.workers import KilledError, make_trainer, weights

EVERYTHING = {
    "epochs": 5,
    "optimizer": "adagrad",
    "momentum": 0.2,
    "learning_rate": 0.05,
    "ema": 0.9,
    "clip_norm": 0.5,
    "clip_value": 0.1,
    "negatives": 6,
    "l2": {"query": 1e-3},
    "validate_every": 2,
    "batch_tokens": 40,
    "schedule": {"name": "cosine", "warm_up": 5},
    "model": {"dropout": 0.3, "source": "hybrid"},
}


@pytest.mark.parametrize(
    "changes", [{}, {"bucket": False, "optimizer": "adam", "momentum": 0.0, "schedule": {}}, {"final": True}]
)
def test_ten_kills_at_random_steps_change_nothing(tmp_path, changes):
    options = EVERYTHING | changes
    whole = make_trainer(**options)
    whole.fit()
    generator = np.random.default_rng(0)
    checkpoint = tmp_path / "trainer.pt"
    kills = 0
    while kills < 10:
        with pytest.raises(KilledError):
            make_trainer(checkpoint, int(generator.integers(2, 10)), **options).fit()
        kills += 1
    resumed = make_trainer(checkpoint, **options)
    assert 0 < resumed_from(checkpoint) < whole.state.done
    resumed.fit()
    assert torch.equal(weights(resumed), weights(whole))
    for ours, other in zip(resumed.state.history, whole.state.history, strict=True):
        assert {**ours, "seconds": 0} == {**other, "seconds": 0}


def resumed_from(checkpoint):
    return torch.load(checkpoint, weights_only=True)["state"]["done"]
