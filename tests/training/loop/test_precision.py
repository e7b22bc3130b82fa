"""Half precision and compilation change how a model is trained, not what it learns."""

import pytest
import torch
from support.workers import make_trainer

from embrec.errors import ConfigError
from embrec.training.loop.precision import Precision


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


@pytest.mark.slow
def test_a_compiled_transformer_learns_what_it_does_otherwise():
    from support.workers import INTERACTIONS, PARTITION

    from embrec.data.sequences import training_sequences
    from embrec.data.training_data import popularity
    from embrec.data.training_rows import ShuffledHistories
    from embrec.models.inputs import CatalogInputs
    from embrec.models.zoo import build_model
    from embrec.models.zoo.sasrec import SASRecConfig
    from embrec.training.config import TrainingConfig
    from embrec.training.loop.trainer import Trainer, Validation

    histories = []
    for compiled in (False, True):
        torch.manual_seed(0)
        counts = popularity(INTERACTIONS, PARTITION)
        model = build_model(SASRecConfig(dim=8, layers=2, dropout=0.0), CatalogInputs({}, counts > 0))
        config = TrainingConfig(epochs=2, batch_size=8, compile=compiled)
        rows = ShuffledHistories(training_sequences(INTERACTIONS, PARTITION, 50), config)
        names = list(model.state_dict())
        trainer = Trainer(model, rows, counts, lambda: Validation({"ndcg@10": 0.0}, 0.0), config)
        histories.append([record["loss"] for record in trainer.fit().history])
        assert list(model.state_dict()) == names
    assert histories[0] == pytest.approx(histories[1], rel=1e-3)


def test_a_missing_compiler_is_named(monkeypatch):
    from embrec.models.inputs import CatalogInputs
    from embrec.models.zoo import build_model
    from embrec.models.zoo.sasrec import SASRecConfig
    from embrec.training.loop.precision import compile_model

    def fail(function):
        raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\nmore")

    monkeypatch.setattr(torch, "compile", fail)
    model = build_model(SASRecConfig(dim=8), CatalogInputs({}, torch.ones(5, dtype=torch.bool)))
    with pytest.raises(ConfigError, match=r"no working compiler for cpu \(InvalidCxx.* found\); leave it out"):
        compile_model(model, torch.device("cpu"))
