"""Half precision and compilation change how a model is trained, not what it learns."""

import pytest
import torch
from support.workers import make_trainer

from embrec.errors import ConfigError
from embrec.training.precision import Precision


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"negatives": 5},
        {"negatives": {"count": 5, "share": "position"}, "loss": "bpr-max"},
        {"model": {"source": "hybrid", "cell": "published"}},
        {"model": {"source": "id"}, "loss": "bce"},
    ],
    ids=["all", "shared", "position", "published cell", "id"],
)
def test_a_training_in_bfloat16_learns_what_one_in_float32_does(options):
    losses = []
    for precision in ("float32", "bfloat16"):
        learner = make_trainer(epochs=2, precision=precision, **options)
        losses.append([record["loss"] for record in learner.fit().history])
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert losses[0] != losses[1]
    assert all(weight.dtype == torch.float32 for weight in learner.model.parameters())


def test_float16_needs_a_gpu():
    with pytest.raises(ConfigError, match="float16 needs a GPU, and the device is cpu; use bfloat16 or float32"):
        Precision("float16", torch.device("cpu"))


def test_compiling_a_gru_is_refused():
    with pytest.raises(ConfigError, match="is for transformers"):
        make_trainer(compile=True)
