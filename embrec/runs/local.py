"""Training of a run in this process: the loop, the evaluation of the test targets, and the files of the finished run."""

import time
from contextlib import nullcontext
from typing import Any

import torch

from embrec.errors import ConfigError
from embrec.evaluation.evaluator import evaluate
from embrec.files import write_json
from embrec.memory import peak_memory
from embrec.models.interface import Trainable
from embrec.progress import Progress
from embrec.runs.assembly import make_trainer
from embrec.runs.cache import cached_evaluation
from embrec.runs.config import RunConfig
from embrec.runs.epoch_log import EpochLog
from embrec.runs.folder import RunFolder
from embrec.runs.inputs import Inputs
from embrec.runs.model import save_model
from embrec.runs.provenance import targets_hash
from embrec.runs.validation import metric_names
from embrec.training.loop.checkpoint import TrainerState
from embrec.version import __version__


def choose_device(name: str) -> torch.device:
    """Return the device of that name; `auto` is the first GPU if there is one.

    Raises:
        ConfigError: there is no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"unknown device {name!r}; use auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device {name!r} is not there: torch sees {torch.cuda.device_count()} GPUs; use auto or cpu")
    return device


def fit_model(
    run: RunFolder,
    inputs: Inputs,
    device: torch.device,
    progress: Progress,
    shard: tuple[int, int] = (0, 1),
) -> tuple[Trainable, TrainerState]:
    """Build the model of a run and train it, continuing from its checkpoint if there is one.

    Args:
        run: folder of checkpoint and log; any folder in the processes that do not lead.
        inputs: inputs that `load_inputs` returned.
        device: device to train on.
        progress: called after every step.
        shard: (rank, world) of this process; see `Trainer`.
    """
    with EpochLog(run) if shard[0] == 0 else nullcontext() as log:
        trainer = make_trainer(
            inputs.config,
            inputs.training,
            inputs.catalog,
            device,
            checkpoint=run.checkpoint,
            fingerprint=inputs.fingerprint,
            on_epoch=log.epoch if log is not None else None,
            progress=progress,
            shard=shard,
        )
        state = trainer.fit()
        if log is not None:
            log.rewrite(state.history)
    return trainer.model, state


def train_here(
    run: RunFolder,
    inputs: Inputs,
    device: torch.device,
    progress: Progress,
    shard: tuple[int, int] = (0, 1),
) -> None:
    """Train a run that was begun in this process; the first of several processes also evaluates it and completes its folder.

    Args:
        run: folder of the run.
        inputs: inputs that `load_inputs` returned.
        device: device to train on.
        progress: called after every step.
        shard: (rank, world) of this process; see `Trainer`.

    Raises:
        RunError: loss or gradient stopped being numbers, or the disk is full.
    """
    config, dataset, partition, log = inputs.config, inputs.dataset, inputs.partition, inputs.log
    model, state = fit_model(run, inputs, device, progress, shard)
    if shard[0] > 0:
        return
    started = time.monotonic()
    test = evaluate(
        model,
        log,
        partition,
        partition.test,
        config.evaluation,
        max_length=config.model.max_length,
        device=device,
        progress=progress,
        task="test",
        learned=inputs.learned,
    )
    names = metric_names(config.evaluation, config.training.select_by)
    metrics = _metrics(config, model, state, test.metrics(names), time.monotonic() - started)
    save_model(run, model, dataset.catalog, inputs.catalog)
    if "import" in dataset.meta:
        write_json(run.source_file, dataset.meta["import"]["arguments"])
    # Comparisons of the run with others then read its ranks.
    cached_evaluation(run, config.evaluation, 0, lambda: test, log=targets_hash(log, partition))
    write_json(run.metrics, metrics)


def _metrics(
    config: RunConfig,
    model: Trainable,
    state: TrainerState,
    test: dict[str, dict[str, float]],
    seconds: float,
) -> dict[str, Any]:
    return {
        "protocol": {
            "split": config.split.model_dump(),
            "candidates": config.evaluation.candidates.words(),
            "seen": config.evaluation.seen,
            "ties": config.evaluation.ties,
            "learned from": config.training.learn_from,
        },
        "best epoch": state.best_epoch + 1,
        "epochs": len(state.history),
        "valid": {
            name.removeprefix("valid "): value
            for name, value in state.history[state.best_epoch].items()
            if name.startswith("valid ")
        },
        "test": test,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "seconds": {"training and validation": round(state.seconds, 2), "test": round(seconds, 2)},
        "peak memory MB": round(peak_memory()),
        "versions": {"embrec": __version__, "torch": torch.__version__},
    }
